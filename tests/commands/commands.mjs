// The commands of the program as a user calls them: their words, what they print, their exit codes.
//
//   node tests/commands/commands.mjs <cryostorm>
import { execFile } from 'node:child_process';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import { createServer as createTls } from 'node:https';
import { createServer as createTcp } from 'node:net';
import { brokenSetUps } from './broken.mjs';
import { configurationChecks } from './configuration.mjs';
import { secretChecks } from './secrets.mjs';
import { certificates } from './certificates.mjs';
import { serve } from './server.mjs';
import { uploadChecks } from './uploads.mjs';

const program = process.argv[2];
let failed = 0, passed = 0;

function call(words, environment = {}) {
  const env = { PATH: process.env.PATH, ...environment };
  return new Promise((resolve) =>
    execFile(program, words, { env, timeout: 60_000 }, (error, out, err) =>
      resolve({ code: error ? error.code : 0, out, err })));
}

async function check(name, test) {
  try {
    await test();
    passed++;
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n  ${String(error.message).replaceAll('\n', '\n  ')}`);
  }
}

function expect(what, condition, shown) {
  if (!condition) throw new Error(`${what}\n${typeof shown === 'string' ? shown : JSON.stringify(shown, null, 1)}`);
}

// Until it holds: what was taken a moment ago becomes visible a moment later.
async function eventually(what, look) {
  let last;
  for (const until = Date.now() + 10_000; Date.now() < until; await new Promise((r) => setTimeout(r, 100))) {
    last = await look();
    if (last.good) return last;
  }
  throw new Error(`${what}\n${last.shown}`);
}

const server = await serve(program, 'all');
const to = ['--endpoint', `http://127.0.0.1:${server.grpc}`];
const at = ['--url', `http://127.0.0.1:${server.page}`];

await check('a span is sent and shown as a tree', async () => {
  const sent = await call(['send', 'span', 'GET /x', '--kind', 'server', '--service', 'shop', '--status', 'error',
    '--attribute', 'n=5', ...to]);
  expect('send', sent.code === 0 && /^trace [0-9a-f]{32}$/m.test(sent.out), sent);
  const id = sent.out.match(/trace (\w+)/)[1];
  await eventually('query trace', async () => {
    const got = await call(['query', 'trace', id, ...at]);
    return { good: got.code === 0 && got.out.includes('GET /x  [shop]  ERROR'), shown: got.out + got.err };
  });
  const list = await call(['query', 'traces', '--service', 'shop', '--tag', 'n=5', ...at]);
  expect('query traces', list.code === 0 && list.out.includes(id), list);
  const none = await call(['query', 'traces', '--service', 'shop', '--tag', 'n=6', ...at]);
  expect('a tag that it has not', none.code === 0 && !none.out.includes(id), none);
  const json = await call(['query', 'trace', id, '--json', ...at]);
  expect('--json is the API', JSON.parse(json.out).data[0].spans[0].operationName === 'GET /x', json);
});

await check('over HTTP and as JSON it arrives too', async () => {
  for (const protocol of ['http/protobuf', 'http/json'])
    for (const compression of ['none', 'gzip']) {
      const sent = await call(['send', 'span', 'h', '--service', protocol, '--protocol', protocol, '--compression',
        compression, '--endpoint', `http://127.0.0.1:${server.http}`]);
      expect(`${protocol} ${compression}`, sent.code === 0, sent);
    }
  await eventually('both services', async () => {
    const got = await call(['query', 'traces', ...at]);
    return { good: got.out.includes('http/json\n') && got.out.includes('http/protobuf\n'), shown: got.out };
  });
});

await check('a metric is sent and evaluated', async () => {
  const sent = await call(['send', 'metric', 'jobs.done', '--type', 'counter', '--value', '2.5', '--attribute',
    'queue=mail', '--service', 'shop', ...to]);
  expect('send', sent.code === 0, sent);
  await eventually('query metrics', async () => {
    const got = await call(['query', 'metrics', 'jobs_done_total{queue="mail"} * 2', ...at]);
    return { good: got.code === 0 && /^5 +\{.*queue="mail"/m.test(got.out), shown: got.out + got.err };
  });
  const range = await call(['query', 'metrics', 'jobs_done_total', '--since', '5m', '--step', '1s', ...at]);
  expect('over a range', range.code === 0 && range.out.includes('jobs_done_total{'), range);
  const wrong = await call(['query', 'metrics', 'sum(', ...at]);
  expect('an error is in the API\'s words', wrong.code === 1 && /answers 400/.test(wrong.err), wrong);
});

await check('a log line is sent and shown, and cannot move the cursor', async () => {
  const sent = await call(['send', 'log', 'disk \x1b[2Jfull', '--severity', 'error', '--service', 'shop', ...to]);
  expect('send', sent.code === 0, sent);
  await eventually('query logs', async () => {
    const got = await call(['query', 'logs', '{service_name="shop"} |= "full"', ...at]);
    return { good: got.code === 0 && got.out.includes('ERROR') && got.out.includes('shop: disk  [2Jfull'), shown: got.out + got.err };
  });
});

await check('gen sends what it says', async () => {
  for (const signal of ['traces', 'metrics', 'logs']) {
    const made = await call(['gen', signal, '--rate', '0', '--items', '50', '--total', '1000', '--connections', '2',
      '--json', ...to]);
    expect(`gen ${signal}`, made.code === 0 && JSON.parse(made.out).delivered === 1000, made);
  }
  const few = await call(['gen', 'logs', '--rate', '0', '--items', '100', '--total', '130', '--json', ...to]);
  expect('the last request is smaller', JSON.parse(few.out).delivered === 130 && JSON.parse(few.out).requests === 2, few);
  const status = await (await fetch(`http://127.0.0.1:${server.page}/api/cryo/status`)).json();
  expect('received', status.received.spans >= 1000 && status.received.metric_points >= 1000 && status.received.log_records >= 1000, status);
});

await check('a whole set-up is found whole', async () => {
  for (const port of [server.grpc, server.http]) {
    const got = await call(['doctor', '--endpoint', `http://127.0.0.1:${port}`,
      '--protocol', port === server.grpc ? 'grpc' : 'http/protobuf', ...at]);
    expect('doctor', got.code === 0 && got.out.includes('nothing is wrong') && !got.out.includes('FAULT'), got.out);
    expect('the sandbox is shown', /^ok +sandbox +cryostorm \(pid \d+\): system calls filtered, new privileges refused/m.test(got.out), got.out);
    expect('memory is shown', /^ok +memory +\d+\.\d MiB held of \d+\.\d \(.*unclaimed \d+\.\d/m.test(got.out), got.out);
    for (const signal of ['traces', 'metrics', 'logs'])
      expect(signal, new RegExp(`^ok +${signal} +sent, stored and found again`, 'm').test(got.out), got.out);
  }
});

await check('wrong words say which and what is meant', async () => {
  const rows = [
    [['sned'], 2, 'did you mean send'],
    [['send'], 2, 'span|metric|log'],
    [['send', 'span', 'x', '--knd', 'server'], 2, 'did you mean --kind'],
    [['send', 'span', 'x', '--kind', 'sever'], 2, 'did you mean server'],
    [['send', 'span', 'x', '--attribute', 'novalue'], 2, 'KEY=VALUE'],
    [['send', 'span', 'x', '--trace-id', '12'], 2, '32 hexadecimal digits'],
    [['send', 'span'], 2, 'give one name'],
    [['send', 'metric', 'x', '--value', 'much'], 2, 'not a number'],
    [['gen'], 2, 'traces, metrics or logs'],
    [['gen', 'traces', '--items', '0'], 2, '--items: 1 to'],
    [['gen', 'traces', '--duration', 'soon'], 2, 'not a duration'],
    [['query', 'trace', 'zz', ...at], 1, 'answers 400'],
    [['query', 'traces', 'shop', ...at], 1, 'say --service shop'],
    [['doctor', 'now'], 2, 'too much'],
  ];
  for (const [words, code, part] of rows) {
    const got = await call(words);
    expect(words.join(' '), got.code === code && got.err.includes(part), got);
  }
  for (const words of [['send', 'span'], ['send', 'metric'], ['send', 'log'], ['gen'], ['query', 'logs'], ['doctor']]) {
    const got = await call([...words, '--help']);
    expect(`${words.join(' ')} --help`, got.code === 0 && got.out.includes('examples') && got.out.includes('--'), got);
  }
});

await check('a unix socket is a way in', async () => {
  const sent = await call(['send', 'span', 'local', '--service', 'local', '--endpoint', `unix://${server.socket}`]);
  expect('send', sent.code === 0, sent);
  await eventually('query', async () => {
    const got = await call(['query', 'traces', ...at]);
    return { good: got.out.includes('local\n'), shown: got.out };
  });
  const wrong = await call(['send', 'span', 'x', '--endpoint', `unix://${server.socket}`, '--protocol', 'http/json']);
  expect('only gRPC', wrong.code !== 0 && wrong.err.includes('--protocol grpc'), wrong);
});
await uploadChecks({ server, check, expect });
await server.stop();

const tls = certificates();
await check('every command speaks TLS, with a certificate of its own', async () => {
  const secured = await serve(program, 'all', tls);
  const files = ['--ca-file', tls.ca, '--cert-file', tls.client.cert, '--key-file', tls.client.key];
  const page = ['--url', `https://127.0.0.1:${secured.page}`, ...files];
  try {
    for (const [port, protocol] of [[secured.grpc, 'grpc'], [secured.http, 'http/protobuf']]) {
      const endpoint = ['--endpoint', `https://localhost:${port}`, '--protocol', protocol];
      const sent = await call(['send', 'span', 's', '--service', 'tls', ...endpoint, ...files]);
      expect(`send ${protocol}`, sent.code === 0, sent);
      const made = await call(['gen', 'logs', '--rate', '0', '--total', '500', '--connections', '2', '--json', ...endpoint, ...files]);
      expect(`gen ${protocol}`, made.code === 0 && JSON.parse(made.out).delivered === 500, made);
      const got = await call(['doctor', ...endpoint, ...page]);
      expect(`doctor ${protocol}`, got.code === 0 && /^ok +tls /m.test(got.out) && got.out.includes('nothing is wrong'), got.out);
    }
    const listed = await call(['query', 'traces', ...page]);
    expect('query', listed.code === 0 && listed.out.includes('tls\n'), listed);
    const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: `https://localhost:${secured.grpc}`, OTEL_EXPORTER_OTLP_CERTIFICATE: tls.ca,
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: tls.client.cert, OTEL_EXPORTER_OTLP_CLIENT_KEY: tls.client.key };
    const sent = await call(['send', 'span', 'v'], variables);
    expect("OpenTelemetry's variables", sent.code === 0, sent);
    const skipped = await call(['send', 'span', 'v', '--insecure-skip-verify', '--cert-file', tls.client.cert, '--key-file',
      tls.client.key, '--endpoint', `https://127.0.0.1:${secured.grpc}`]);
    expect('--insecure-skip-verify', skipped.code === 0, skipped);
    const bare = await call(['query', 'traces', '--url', `https://127.0.0.1:${secured.page}`]);
    expect('an unknown authority', bare.code === 1 && bare.err.includes('unknown authority'), bare);
  } finally {
    await secured.stop();
  }
});

for (const { name, arrange, says } of brokenSetUps({ program, createHttp, createHttp2, createTcp, createTls, serve, tls })) {
  await check(`doctor: ${name}`, async () => {
    const { words = [], environment = {}, end = async () => {} } = await arrange();
    const got = await call(['doctor', '--patience', '1s', ...words], environment);
    await end();
    expect(`names the fault: ${says}`, got.code === 1 && got.out.includes('FAULT') && got.out.includes('fix: ') && says.test(got.out), got.out + got.err);
  });
}
await configurationChecks({ program, call, check, expect });
await secretChecks({ program, call, check, expect });
tls.remove();
console.log(`counts: commands: ${passed} checks passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
