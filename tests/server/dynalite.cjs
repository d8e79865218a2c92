// Loaded before dynalite, which ends when a client hangs up in the middle of a request. DynamoDB does not.
process.on('uncaughtException', (error) => {
  console.error(error)
  if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') process.exit(1)
})
