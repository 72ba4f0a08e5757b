// An Express application that knows nothing of telemetry: the register module of
// auto-instrumentations-node, loaded before it, does all of it.
const express = require('express');
const pino = require('pino');

const log = pino();
const app = express();
app.get('/reviews/:number', (request, response) => {
  log.warn(`review ${request.params.number} was asked for`);
  response.json({ review: Number(request.params.number) });
});
app.listen(Number(process.argv[2]), '127.0.0.1');
