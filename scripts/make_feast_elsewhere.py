"""Write feast-compat's elsewhere.json: what is in the inventory of Feast, in modules that have no file here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1] / "packages" / "feast-compat"
KEPT = ("kind", "members", "params", "defaults")


def is_source(name: str, facts: dict[str, Any]) -> bool:
    return name.endswith("Source") and "get_table_column_names_and_types" in facts.get("methods", {})


def main() -> None:
    modules = json.loads((PACKAGE / "tests" / "inventory.json").read_text(encoding="utf-8"))["modules"]
    listed: dict[str, dict[str, Any]] = {}
    for module, names in modules.items():
        path = PACKAGE.joinpath("src", *module.split("."))
        if path.with_suffix(".py").exists() or (path / "__init__.py").exists():
            continue
        listed[module] = {}
        for name, facts in names.items():
            kept = {key: facts[key] for key in KEPT if key in facts}
            if facts["kind"] in ("class", "function"):
                kept.pop("params", None)
            if is_source(name, facts) or (facts["kind"] == "class" and name in ("UnityCatalogSource",)):
                kept["members"] = [*facts["properties"], *facts["methods"]]
                kept |= {"kind": "source", "params": facts["params"], "type": name.removesuffix("Source").lower()}
            listed[module][name] = kept
    text = json.dumps(listed, indent=1, sort_keys=True)
    (PACKAGE / "src" / "feast" / "adapter" / "elsewhere.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
