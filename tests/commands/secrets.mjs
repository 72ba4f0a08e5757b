// What is secret is told to nobody: a canary stands wherever a configuration or a command takes a secret, and
// nothing that the program says or answers has it. It reaches the server that it is for, and no other.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './server.mjs';

const CANARY = 'sEcReTcAnArY';

const PATHS = {
  page: ['/', '/api/cryo/status', '/api/cryo/services', '/api/services', '/api/traces?service=shop',
    '/api/v1/status/config', '/api/v1/status/flags', '/api/v1/status/buildinfo', '/api/v1/metadata', '/config',
    '/loki/api/v1/labels', '/loki/api/v1/status/buildinfo'],
  zpages: ['/', '/debug/servicez', '/debug/pipelinez', '/debug/extensionz', '/debug/featurez', '/debug/tracez',
    '/debug/rpcz', '/debug/expvarz'],
  pprof: ['/', '/debug/pprof/', '/debug/pprof/cmdline'],
  health: ['/'],
  metrics: ['/metrics'],
};

async function listening(handler) {
  const server = createHttp(handler);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function configuration({ ports, folder, home }) {
  return `
receivers:
  otlp:
    protocols:
      http: { endpoint: '127.0.0.1:${ports.http}', response_headers: { x-canary: ${CANARY} } }
exporters:
  store: {}
  debug: { verbosity: detailed }
  otlp/refused: { endpoint: 'http://127.0.0.1:${ports.closed}', headers: { authorization: 'Bearer ${CANARY}' } }
  otlphttp/refused: { endpoint: 'http://127.0.0.1:${ports.closed}', headers: { authorization: '\${env:TOKEN}' } }
  otlphttp/home: { endpoint: 'http://127.0.0.1:${home}', headers: { authorization: 'Bearer ${CANARY}' } }
extensions:
  store: { directory: '${folder}/data' }
  page: { endpoint: '127.0.0.1:${ports.page}', response_headers: { x-canary: ${CANARY} } }
  zpages: { endpoint: '127.0.0.1:${ports.zpages}' }
  pprof: { endpoint: '127.0.0.1:${ports.pprof}' }
  health_check: { endpoint: '127.0.0.1:${ports.health}' }
service:
  telemetry:
    logs: { level: debug }
    metrics: { readers: [ { pull: { exporter: { prometheus: { host: 127.0.0.1, port: ${ports.metrics} } } } } ] }
  extensions: [store, page, zpages, pprof, health_check]
  pipelines:
    traces: { receivers: [otlp], exporters: [store, debug, otlp/refused, otlphttp/refused, otlphttp/home] }
`;
}

// Mistakes in which a secret stands where the mistake is.
const MISTAKES = [
  `headers: ${CANARY}`, `headers: [${CANARY}]`, `headers: { a: [${CANARY}] }`, `headers: { a: { b: ${CANARY} } }`,
  `headers: { a: "${CANARY}\\n" }`, `headers: { "a b": ${CANARY} }`,
  `headers: { a: x }, tls: { key_pem: [${CANARY}] }`, `tls: { key_pem: ${CANARY} }`,
  `tls: { cert_pem: x, key_pem: ${CANARY} }`, `tls: { key_pem: ${CANARY}, key_file: x }`,
];

const TRACE = JSON.stringify({ resourceSpans: [{
  resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
  scopeSpans: [{ spans: [{ traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174', name: 'buy',
    startTimeUnixNano: '1750000000000000000', endTimeUnixNano: '1750000000000000001' }] }] }] });

async function run(program, file) {
  const child = spawn(program, ['--config', file],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, TOKEN: `Bearer ${CANARY}` } });
  const state = { said: '', child };
  const ready = new Promise((resolve, reject) => {
    const hear = (bytes) => {
      state.said += bytes;
      if (state.said.includes('Everything is ready')) resolve();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('exit', () => reject(new Error(`the program ended: ${state.said}`)));
  });
  await ready;
  return state;
}

export async function secretChecks({ program, call, check, expect }) {
  const folder = mkdtempSync(join(tmpdir(), 'secrets.'));
  const received = [], stolen = [];
  const other = await listening((request, response) => {
    stolen.push(request.headers);
    response.end();
  });
  const home = await listening((request, response) => { // sends everybody on to the other one
    received.push(request.headers.authorization);
    request.resume();
    response.writeHead(307, { location: `http://localhost:${other.address().port}${request.url}` }).end();
  });
  const ports = {};
  for (const name of ['http', 'page', 'zpages', 'pprof', 'health', 'metrics', 'closed']) ports[name] = await freePort();
  const file = join(folder, 'config.yaml');

  await check('a secret is told to nobody but whom it is for', async () => {
    writeFileSync(file, configuration({ ports, folder, home: home.address().port }));
    const service = await run(program, file);
    const sent = await fetch(`http://127.0.0.1:${ports.http}/v1/traces`,
      { method: 'POST', headers: { 'content-type': 'application/json' }, body: TRACE });
    expect('sending', sent.status === 200, await sent.text());
    for (const until = Date.now() + 10_000; !received.length && Date.now() < until;)
      await new Promise((resolve) => setTimeout(resolve, 50));
    let answers = 0;
    for (const [face, paths] of Object.entries(PATHS)) {
      for (const path of paths) {
        const answer = await fetch(`http://127.0.0.1:${ports[face]}${path}`);
        const body = await answer.text();
        answers += answer.status === 200;
        expect(`${face}${path}`, !body.includes(CANARY), body);
      }
    }
    expect('pages answered', answers > 10, answers);
    const ended = new Promise((resolve) => service.child.on('exit', resolve));
    service.child.kill('SIGTERM');
    await ended;
    expect('the log', service.said.includes('otlp/refused') && !service.said.includes(CANARY), service.said);
    expect('home heard it', received[0] === `Bearer ${CANARY}`, received);
    expect('a redirection is not followed', stolen.length === 0, stolen);
  });

  await check('a mistake beside a secret is told without it', async () => {
    for (const kind of ['otlp', 'otlphttp']) {
      for (const mistake of MISTAKES) {
        writeFileSync(file, `
receivers: { otlp: { protocols: { http: { endpoint: '127.0.0.1:${ports.http}' } } } }
exporters: { ${kind}: { endpoint: 'https://127.0.0.1:1', ${mistake} } }
service: { pipelines: { traces: { receivers: [otlp], exporters: [${kind}] } } }
`);
        const got = await call(['validate', '--config', file]);
        expect(`${kind}: ${mistake}`, !(got.out + got.err).includes(CANARY), got);
      }
    }
  });

  await check('commands keep the secrets of their headers', async () => {
    for (const words of [['doctor'], ['send', 'span', 'x'], ['gen', '--count', '1']]) {
      for (const port of [ports.closed, home.address().port]) {
        const to = ['--endpoint', `http://127.0.0.1:${port}`, '--protocol', 'http/protobuf', '--timeout', '1s'];
        for (const [more, environment] of [
          [['--header', `authorization=${CANARY}`], {}],
          [[], { OTEL_EXPORTER_OTLP_HEADERS: `authorization=${CANARY}` }],
          [[], { OTEL_EXPORTER_OTLP_HEADERS: `${CANARY}` }],
        ]) {
          const got = await call([...words, ...to, ...more], environment);
          expect(`${words} ${more}`, !(got.out + got.err).includes(CANARY), got);
        }
      }
    }
    expect('a redirection is not followed', stolen.length === 0, stolen);
  });

  home.close();
  other.close();
  rmSync(folder, { recursive: true, force: true });
}
