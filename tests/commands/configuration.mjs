// Configurations on the command line: where they come from, and the commands that look at them.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PIPELINE = 'service: { telemetry: { metrics: { level: none } }, pipelines: { traces: { receivers: [otlp], exporters: [debug] } } }';
const GOOD = `receivers: { otlp: { protocols: { grpc: { endpoint: '127.0.0.1:0' } } } }\nexporters: { debug: }\n${PIPELINE}\n`;

async function listening(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}

// What a start says until it ends by itself, or until `enough` of it is there.
function start(program, words, enough) {
  return new Promise((resolve) => {
    const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
    let told = '';
    child.stderr.on('data', (bytes) => { told += bytes; if (enough?.test(told)) child.kill('SIGTERM'); });
    child.on('close', (code) => resolve({ code, told }));
  });
}

export async function configurationChecks({ program, call, check, expect }) {
  const folder = mkdtempSync(join(tmpdir(), 'configuration.'));
  const file = (name, text) => { const path = join(folder, name); writeFileSync(path, text); return path; };
  const good = file('good.yaml', GOOD);

  await check('a configuration comes by HTTP, bounded', async () => {
    const server = createHttp((request, response) => {
      if (request.url === '/conf/good?a=b') response.end(GOOD);
      else if (request.url === '/level') response.end('debug\n');
      else if (request.url === '/large') response.end(`# ${'x'.repeat(5 << 20)}\n`);
      else response.writeHead(404).end();
    });
    const port = await listening(server), url = `http://127.0.0.1:${port}`;
    const whole = await call(['validate', '--config', `${url}/conf/good?a=b`]);
    expect('whole', whole.code === 0 && whole.err === '', whole);
    const value = await call(['print-config', '--config', good, '--set', `service.telemetry.logs.level=\${${url}/level}`]);
    expect('value', value.code === 0 && value.out.includes('level: debug'), value);
    const missing = await call(['validate', '--config', `${url}/nowhere`]);
    expect('404', missing.code === 1 && missing.err === `${url}/nowhere: the server answers 404\n`, missing);
    const large = await call(['validate', '--config', `${url}/large`]);
    expect('too large', large.code === 1 && large.err.startsWith(`${url}/large: `), large);
    server.close();
  });

  await check('a command may stand behind --config, and tells its words', async () => {
    const behind = await call(['--config', good, 'validate']);
    expect('behind', behind.code === 0 && behind.out === 'the configuration is valid\n', behind);
    for (const command of ['validate', 'print-config', 'components', 'explain', 'schema', 'init', 'graph', 'doctor']) {
      const help = await call([command, '--help']);
      expect(command, help.code === 0 && help.out.includes(`usage: cryostorm ${command}`) && help.out.includes('\nexamples\n'), help);
    }
    const wrong = await call(['validate', good]);
    expect('no argument', wrong.code === 2 && wrong.err.includes('--help'), wrong);
  });

  await check('print-config shows what it came to', async () => {
    const shown = await call(['print-config', '--config', good, '--config', 'yaml:exporters::debug::verbosity: basic'], { X: '1' });
    expect('yaml', shown.code === 0 && /verbosity: basic {2}# yaml:exporters::debug::verbosity:1:\d+/.test(shown.out), shown);
    const json = await call(['print-initial-config', '--format=json', '--config', good]);
    expect('json', typeof JSON.parse(json.out).exporters.debug.verbosity === 'string', json);
    const unredacted = await call(['print-config', '--mode', 'unredacted', '--config', good]);
    expect('secrets', unredacted.code === 2 && /none of redacted/.test(unredacted.err), unredacted);
  });

  await check('components, explain and schema tell what the tables say', async () => {
    const list = JSON.parse((await call(['components', '--json'])).out);
    expect('list', list.some((c) => c.name === 'otlp' && c.kind === 'exporter' && c.settings.properties.endpoint), list);
    const page = await call(['components', 'batch']);
    expect('page', page.code === 0 && page.out.includes('`send_batch_size`'), page);
    const said = await call(['explain', 'otlp.protocols.grpc.keepalive']);
    expect('explain', said.code === 0 && said.out.startsWith('receivers.otlp.protocols.grpc.keepalive\n'), said);
    const unknown = await call(['explain', 'otlp.protcols']);
    expect('nearest', unknown.code === 1 && unknown.err.includes('did you mean "protocols"'), unknown);
    const schema = JSON.parse((await call(['schema'])).out);
    expect('schema', schema.properties.service.properties.pipelines && schema.additionalProperties === false, Object.keys(schema));
  });

  await check('init writes what validate takes, and does not overwrite', async () => {
    const list = await call(['init', '--list']);
    const names = list.out.split('\n').map((line) => line.split(' ')[0]).filter(Boolean);
    expect('list', names.length > 3 && names.includes('gateway'), list);
    for (const name of names) {
      const path = join(folder, `${name}.yaml`);
      const made = await call(['init', name, '--full', '--output', path]);
      expect(name, made.code === 0 && made.out === '' && made.err === '', made);
      const valid = await call(['validate', '--no-files', '--config', path]);
      expect(name, valid.code === 0 && valid.err === '', valid);
      const again = await call(['init', name, '--output', path]);
      expect('again', again.code === 1 && again.err.includes(path), again);
    }
    const gateway = await call(['validate', '--config', join(folder, 'gateway.yaml')]);
    expect('files', gateway.code === 1 && /gateway\.yaml:\d+:\d+: receivers\.otlp\.protocols\.grpc\.tls: .*server\.crt/.test(gateway.err), gateway);
    const unknown = await call(['init', 'gatway']);
    expect('nearest', unknown.code === 2 && unknown.err.includes('did you mean "gateway"'), unknown);
  });

  await check('graph draws, as text and as SVG', async () => {
    const text = await call(['graph', '--config', good]);
    expect('text', text.code === 0 && text.out === 'traces\n  otlp ───▶ debug\n\n', text);
    const svg = await call(['graph', '--svg', '--config', good]);
    expect('svg', svg.code === 0 && svg.out.startsWith('<svg ') && svg.out.endsWith('</svg>\n'), svg);
  });

  await check('what cannot start is said with its place, as JSON where that is asked for', async () => {
    const taken = createTcp();
    const port = await listening(taken);
    const text = GOOD.replace('127.0.0.1:0', `127.0.0.1:${port}`).replace('debug: }', 'debug: , logging: }');
    const plain = await start(program, ['--config', file('taken.yaml', text)]);
    expect('place', plain.code === 1 && plain.told.includes(`cannot start: ${join(folder, 'taken.yaml')}:1:53: receivers::otlp: `), plain);
    expect('warned', plain.told.includes('taken.yaml:2:23: warning: exporters.logging: "logging" is an older name'), plain);
    const asked = text.replace('telemetry: {', 'telemetry: { logs: { encoding: json },');
    const json = await start(program, ['--config', file('json.yaml', asked)]);
    const lines = json.told.trim().split('\n').map((line) => JSON.parse(line));
    expect('json', lines.some((l) => l.component === 'config' && l.level === 'warn' && l.msg.includes('older name')), json);
    expect('json', lines.at(-1).level === 'error' && lines.at(-1).msg.includes('json.yaml:1:53'), json);
    taken.close();
  });

  await check('it runs with what ${file:...} and --set bring, and gates are only told', async () => {
    file('otlp.yaml', "protocols: { http: { endpoint: '127.0.0.1:0' } }\n");
    const ran = await start(program, ['--feature-gates=a', '--set', `receivers.otlp=\${file:${join(folder, 'otlp.yaml')}}`, '--config', good],
      /Everything is ready/);
    expect('runs', ran.code === 0 && /Listening for HTTP/.test(ran.told) && !/Listening for gRPC/.test(ran.told), ran);
    expect('gates', ran.told.includes('--feature-gates has no effect'), ran);
  });
  rmSync(folder, { recursive: true, force: true });
}
