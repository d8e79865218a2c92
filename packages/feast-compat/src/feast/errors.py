"""Feast's errors. All of Repast's are Feast's ``FeastError``, and what is not found has Feast's name.

Other classes can be imported and caught; Repast raises errors of its own in their place.
"""

from __future__ import annotations

from typing import Any

from repast.errors import InvalidConfigError, InvalidRequestError, NotFoundError, RepastError

FeastError = RepastError


class FeastObjectNotFoundException(NotFoundError):  # noqa: N818  # Feast's name
    """There is no object of that name."""

    _what = "object"

    def __init__(self, name: str, project: str | None = None, *, message: str = "", hint: str = "") -> None:
        where = f" in project {project!r}" if project else ""
        super().__init__(message or f"There is no {self._what} {name!r}{where}.", hint=hint)


def _not_found(name: str, what: str) -> Any:
    return type(name, (FeastObjectNotFoundException,), {"_what": what, "__doc__": f"There is no {what} of that name."})


EntityNotFoundException = _not_found("EntityNotFoundException", "entity")
FeatureServiceNotFoundException = _not_found("FeatureServiceNotFoundException", "feature service")
FeatureViewNotFoundException = _not_found("FeatureViewNotFoundException", "feature view")
OnDemandFeatureViewNotFoundException = _not_found("OnDemandFeatureViewNotFoundException", "on-demand feature view")
DataSourceObjectNotFoundException = _not_found("DataSourceObjectNotFoundException", "data source")
DataSourceNotFoundException = _not_found("DataSourceNotFoundException", "data source")
SavedDatasetNotFound = _not_found("SavedDatasetNotFound", "saved dataset")
ValidationReferenceNotFound = _not_found("ValidationReferenceNotFound", "validation reference")
PermissionNotFoundException = _not_found("PermissionNotFoundException", "permission")
PermissionObjectNotFoundException = _not_found("PermissionObjectNotFoundException", "permission")
ProjectNotFoundException = _not_found("ProjectNotFoundException", "project")
ProjectObjectNotFoundException = _not_found("ProjectObjectNotFoundException", "project")
PushSourceNotFoundException = _not_found("PushSourceNotFoundException", "push source")
FeatureViewVersionNotFound = _not_found("FeatureViewVersionNotFound", "feature view version")
S3RegistryBucketNotExist = _not_found("S3RegistryBucketNotExist", "bucket")
S3RegistryBucketForbiddenAccess = _not_found("S3RegistryBucketForbiddenAccess", "bucket")
RequestDataNotFoundInEntityDfException = _not_found("RequestDataNotFoundInEntityDfException", "request column")
RequestDataNotFoundInEntityRowsException = _not_found("RequestDataNotFoundInEntityRowsException", "request value")


def _error(name: str, base: type[RepastError] = RepastError, *others: type) -> Any:
    """Make a class that can be caught, and raised with any arguments."""

    def say(self: RepastError, *args: object, **kwargs: object) -> None:
        base.__init__(self, ", ".join(map(str, (*args, *kwargs.values()))) or name)

    return type(name, (base, *others), {"__init__": say, "__doc__": "An error of Feast that Repast does not raise."})


DataSourceNoNameException = _error("DataSourceNoNameException")
DataSourceRepeatNamesException = _error("DataSourceRepeatNamesException")
VersionedOnlineReadNotSupported = _error("VersionedOnlineReadNotSupported")
FeatureViewPinConflict = _error("FeatureViewPinConflict")
ConcurrentVersionConflict = _error("ConcurrentVersionConflict")
FeastProviderLoginError = _error("FeastProviderLoginError")
FeastProviderNotImplementedError = _error("FeastProviderNotImplementedError")
FeastRegistryNotSetError = _error("FeastRegistryNotSetError", InvalidConfigError)
FeastFeatureServerTypeInvalidError = _error("FeastFeatureServerTypeInvalidError", InvalidConfigError)
FeastRegistryTypeInvalidError = _error("FeastRegistryTypeInvalidError", InvalidConfigError)
FeastModuleImportError = _error("FeastModuleImportError")
FeastClassImportError = _error("FeastClassImportError")
FeastExtrasDependencyImportError = _error("FeastExtrasDependencyImportError")
FeastOfflineStoreUnsupportedDataSource = _error("FeastOfflineStoreUnsupportedDataSource")
FeatureNameCollisionError = _error("FeatureNameCollisionError", InvalidRequestError)
SpecifiedFeaturesNotPresentError = _error("SpecifiedFeaturesNotPresentError")
SavedDatasetLocationAlreadyExists = _error("SavedDatasetLocationAlreadyExists")
FeastOfflineStoreInvalidName = _error("FeastOfflineStoreInvalidName", InvalidConfigError)
FeastOnlineStoreInvalidName = _error("FeastOnlineStoreInvalidName", InvalidConfigError)
FeastInvalidAuthConfigClass = _error("FeastInvalidAuthConfigClass", InvalidConfigError)
FeastInvalidBaseClass = _error("FeastInvalidBaseClass", InvalidConfigError)
FeastOnlineStoreUnsupportedDataSource = _error("FeastOnlineStoreUnsupportedDataSource")
FeastEntityDFMissingColumnsError = _error("FeastEntityDFMissingColumnsError", InvalidRequestError)
FeastJoinKeysDuringMaterialization = _error("FeastJoinKeysDuringMaterialization")
DockerDaemonNotRunning = _error("DockerDaemonNotRunning")
RegistryInferenceFailure = _error("RegistryInferenceFailure")
BigQueryJobStillRunning = _error("BigQueryJobStillRunning")
BigQueryJobCancelled = _error("BigQueryJobCancelled")
RedshiftCredentialsError = _error("RedshiftCredentialsError")
RedshiftQueryError = _error("RedshiftQueryError")
RedshiftTableNameTooLong = _error("RedshiftTableNameTooLong")
SnowflakeCredentialsError = _error("SnowflakeCredentialsError")
SnowflakeQueryError = _error("SnowflakeQueryError")
EntityTimestampInferenceException = _error("EntityTimestampInferenceException", InvalidRequestError)
FeatureViewMissingDuringFeatureServiceInference = _error("FeatureViewMissingDuringFeatureServiceInference")
InvalidEntityType = _error("InvalidEntityType", InvalidRequestError)
ConflictingFeatureViewNames = _error("ConflictingFeatureViewNames")
FeastInvalidInfraObjectType = _error("FeastInvalidInfraObjectType")
SnowflakeIncompleteConfig = _error("SnowflakeIncompleteConfig")
SnowflakeQueryUnknownError = _error("SnowflakeQueryUnknownError")
InvalidFeaturesParameterType = _error("InvalidFeaturesParameterType", InvalidRequestError)
EntitySQLEmptyResults = _error("EntitySQLEmptyResults")
EntityDFNotDateTime = _error("EntityDFNotDateTime", InvalidRequestError)
ReadOnlyRegistryException = _error("ReadOnlyRegistryException")
DataFrameSerializationError = _error("DataFrameSerializationError")
ZeroRowsQueryResult = _error("ZeroRowsQueryResult")
ZeroColumnQueryResult = _error("ZeroColumnQueryResult")
FeastPermissionError = _error("FeastPermissionError", RepastError, PermissionError)
