// The walk of one request, each step checked by its effect: from a caller's traceparent through a C program,
// its SDK and the collector's pipelines, to a real Jaeger, a real Prometheus, our store and our page.
//
//   node tests/interop/walk.mjs <bin of the release build> <peers> <folder for logs>
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checker, launch } from '../ui/browser.mjs';

const [bin, peers, work] = process.argv.slice(2);
const app = 'http://127.0.0.1:8000', ours = 'http://127.0.0.1:16686', own = 'http://127.0.0.1:8888/metrics';
const shown = 'http://127.0.0.1:8889/metrics', jaeger = 'http://127.0.0.1:26686', prometheus = 'http://127.0.0.1:19090';
const children = [];
let failed = 0, steps = 0;

// ---- programs ----

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what, look, ms = 20_000) {
  let last;
  for (const end = Date.now() + ms; Date.now() < end; await sleep(100)) {
    try {
      const found = await look();
      if (found) return found;
      last = 'nothing found';
    } catch (error) {
      last = error.message;
    }
  }
  throw new Error(`${what}: ${last}`);
}

async function start(name, ready, command, words, environment = {}) {
  const taken = await fetch(ready).then(() => true, () => false);
  if (taken) throw new Error(`${name}: somebody else answers at ${ready}`);
  const child = spawn(command, words, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  const log = createWriteStream(join(work, `${name}.log`));
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  children.push(child);
  let missing;
  child.on('error', (error) => { missing = error; });
  await until(`${name} did not start, see ${work}/${name}.log`, async () => {
    if (missing) throw missing;
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    return (await fetch(ready)).ok;
  });
}

async function stopAll() {
  for (const child of children.reverse()) {
    const ended = new Promise((resolve) => child.on('exit', resolve));
    if (child.pid && child.exitCode === null && child.kill('SIGTERM'))
      await Promise.race([ended, sleep(8000).then(() => child.kill('SIGKILL'))]);
  }
}

const said = (name) => readFileSync(join(work, `${name}.log`), 'utf8');

// ---- questions ----

const json = async (url) => {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return answer.json();
};
const trace = async (base, id) => (await json(`${base}/api/traces/${id}`)).data[0];
const query = async (base, expression) => {
  const { data } = await json(`${base}/api/v1/query?query=${encodeURIComponent(expression)}`);
  return data.result.length ? Number(data.result[0].value[1]) : 0;
};
const text = async (url) => (await fetch(url)).text();
// A series of an exposition by its name and parts of its labels; the sum of those that match.
const sample = (exposition, name, ...parts) => exposition.split('\n')
  .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && parts.every((part) => line.includes(part)))
  .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf('}') + 1).trim().split(' ')[0]), 0);

function must(condition, what) {
  if (!condition) throw new Error(what);
}
async function step(name, check) {
  steps++;
  try {
    await check();
    console.log(`    ok      ${name}`);
  } catch (error) {
    failed++;
    console.log(`    FAILED  ${name}\n            ${error.message.replaceAll('\n', '\n            ')}`);
  }
}

// ---- the walk ----

async function startAll() {
  const configs = ['configs/demo.yaml', 'configs/walk.yaml'].flatMap((path) => {
    const copy = join(work, path.split('/').pop());
    writeFileSync(copy, readFileSync(path, 'utf8').replace('./cryostorm-data', join(work, 'walk-data')));
    return ['--config', copy];
  });
  await start('jaeger', `${jaeger}/api/services`, join(peers, 'bin/jaeger'), ['--config', 'configs/external/jaeger.yaml']);
  await start('cryostorm', 'http://127.0.0.1:13133/', join(bin, 'cryostorm'), configs, { JAEGER_ENDPOINT: '127.0.0.1:24317' });
  await start('prometheus', `${prometheus}/-/ready`, join(peers, 'bin/prometheus'), [
    '--config.file=configs/external/prometheus.yaml', `--storage.tsdb.path=${join(work, 'prometheus')}`,
    '--web.listen-address=127.0.0.1:19090']);
  await start('llm_app', `${app}/health`, join(bin, 'examples/llm_app'), [], {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4317', OTEL_BSP_SCHEDULE_DELAY: '500', METRICS__EXPORT_INTERVAL_MILLIS: '500' });
}

async function walk() {
  const id = randomBytes(16).toString('hex'), caller = randomBytes(8).toString('hex');
  const received = (exposition, signal) => sample(exposition, `otelcol_receiver_accepted_${signal}_total`) ||
    sample(exposition, `otelcol_receiver_accepted_${signal}`);
  const before = await text(own);
  let spans, root, handler, inner;

  await step('the request is answered', async () => {
    const answer = await fetch(`${app}/chat`, { method: 'POST', body: 'walk with me', headers: { traceparent: `00-${id}-${caller}-01` } });
    must(answer.status === 200 && (await answer.text()) === 'em htiw klaw', `status ${answer.status}`);
  });
  await step('its SERVER span is a child of the traceparent', async () => {
    ({ spans } = await until('the trace in our store', async () => {
      const found = await trace(ours, id);
      return found.spans.length === 3 && found;
    }));
    root = spans.find((span) => span.operationName === 'POST /chat');
    must(root.tags.some((tag) => tag.key === 'span.kind' && tag.value === 'server'), 'not a SERVER span');
    must(root.references.some((to) => to.refType === 'CHILD_OF' && to.spanID === caller), 'not a child of the caller');
  });
  const child = (name, of) => {
    const span = spans.find((one) => one.operationName === name);
    must(span?.references.some((to) => to.spanID === of.spanID), `${name} is no child of ${of.operationName}`);
    return span;
  };
  await step('the handler has a span below it', async () => { handler = child('chat_operation', root); });
  await step('the call of the model has one below that', async () => { inner = child('llm.simulate_call', handler); });
  await step('spans end in order, inner ones first', async () => {
    const end = (span) => span.startTime + span.duration;
    must(end(inner) <= end(handler) && end(handler) <= end(root), 'they do not');
    must(root.startTime <= handler.startTime && handler.startTime <= inner.startTime, 'nor do they begin so');
  });
  await step('the counter and the metrics of the call count it', async () => {
    for (const name of ['chat_requests_total', 'llm_requests_total', 'llm_request_duration_seconds_count'])
      await until(name, async () => (await query(ours, `sum(${name})`)) === 1);
    must((await query(ours, 'sum(llm_tokens_total{gen_ai_token_type="input"})')) === 3, 'not 3 words in');
  });
  await step('the log line has the ids of the second span', async () => {
    const logql = encodeURIComponent(`{service_name="llm-app"} | trace_id="${id}"`);
    const { data } = await until('the line in our store', async () => {
      const answer = await json(`${ours}/loki/api/v1/query_range?query=${logql}`);
      return answer.data.result.length && answer;
    });
    const [{ stream, values }] = data.result;
    must(values[0][1] === 'Processing chat request', `it says ${values[0][1]}`);
    must(stream.span_id === handler.spanID, `it is of span ${stream.span_id}`);
  });
  await step('the same line is on the application\'s console', async () => {
    must(new RegExp(`Processing chat request.*${id}`).test(said('llm_app')), 'it is not');
  });
  await step('the SDK sent the three spans as one batch', async () => {
    const batches = said('cryostorm').match(/"spans": \d+/g) ?? [];
    must(batches.includes('"spans": 3'), `debug saw ${batches.join(', ') || 'nothing'}`);
  });
  await step('the receiver counted spans, points and records', async () => {
    await until('three spans more', async () => received(await text(own), 'spans') === received(before, 'spans') + 3);
    const now = await text(own);
    must(received(now, 'metric_points') > received(before, 'metric_points'), 'no points');
    must(received(now, 'log_records') === received(before, 'log_records') + 1, 'not one record');
  });
  await step('the resource processor has touched all three signals', async () => {
    const tags = (await trace(ours, id)).processes[root.processID].tags;
    const added = resourceAttributes();
    must(added.length > 0, 'configs/demo.yaml adds nothing');
    for (const [key, value] of added) {
      must(tags.some((tag) => tag.key === key && tag.value === value), `the span has no ${key}=${value}`);
      must((await text(shown)).includes(`${key.replaceAll('.', '_')}="${value}"`), `the metrics have no ${key}`);
      must(said('cryostorm').includes(`-> ${key}: Str(${value})`), `debug has no ${key}`);
    }
  });
  await step('the real Jaeger has the trace', async () => {
    const theirs = await until('in Jaeger', async () => (await trace(jaeger, id)).spans.length === 3 && trace(jaeger, id));
    for (const span of spans) {
      const same = theirs.spans.find((one) => one.spanID === span.spanID);
      must(same?.operationName === span.operationName && same.duration === span.duration, `${span.operationName} differs`);
    }
  });
  await step('the real Prometheus has the counter', async () => {
    await until('in Prometheus', async () => (await query(prometheus, 'sum(otel_demo_chat_requests_total{job="llm-app"})')) === 1);
  });
  await step('debug has shown spans, metrics and logs', async () => {
    const log = said('cryostorm');
    for (const part of [id, 'chat_requests_total', 'Body: Str(Processing chat request)']) must(log.includes(part), `not ${part}`);
  });
  return { id, handler };
}

// What the resource processor of configs/demo.yaml inserts: "key: x, value: y" in its actions.
function resourceAttributes() {
  const part = /resource:[^]*?(?=\n\S|\n {2}\w)/.exec(readFileSync('configs/demo.yaml', 'utf8'))?.[0] ?? '';
  return [...part.matchAll(/key: ([\w.]+)[^]*?value: "?([\w.-]+)/g)].map(([, key, value]) => [key, value]);
}

async function page({ id }) {
  const browser = await launch();
  const checks = checker(browser);
  await checks.run(ours, 'the page leads from the trace to its log line and back', { path: `/trace/${id}` }, async (tab) => {
    await tab.getByText('llm.simulate_call').first().waitFor();
    await tab.getByRole('link', { name: /logs/i }).last().click();
    await tab.getByText('Processing chat request').first().click();
    await tab.locator(`a[href*="${id}"]`).first().click();
    await tab.getByText('chat_operation').first().waitFor();
  });
  await checks.run(ours, 'the page draws the counter', { path: '/metrics?q=chat_requests_total' }, async (tab) => {
    await tab.getByText('chat_requests_total').first().waitFor();
    await tab.locator('canvas').first().waitFor();
  });
  const bad = checks.failures.length;
  await browser.close();
  return bad;
}

try {
  await startAll();
  const found = await walk();
  failed += await page(found);
} catch (error) {
  failed++;
  console.log(`    FAILED  ${error.message}`);
}
await stopAll();
console.log(`    ${steps} steps and the page, ${failed} failed`);
process.exit(failed ? 1 : 0);
