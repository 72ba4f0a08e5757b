// A real cryostorm on free ports with an empty store: everything, or with something left out.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// what: all | no store in the pipelines | no metrics pipeline; tls: files for every port, and a unix socket
export async function serve(program, what, tls) {
  const folder = mkdtempSync(join(tmpdir(), 'commands.'));
  const [grpc, http, page] = [await freePort(), await freePort(), await freePort()];
  const exporter = what === 'unstored' ? 'debug' : 'store';
  const pipeline = `{ receivers: [otlp, otlp/local], exporters: [${exporter}] }`;
  const signals = what === 'no metrics' ? ['traces', 'logs'] : ['traces', 'metrics', 'logs'];
  const listen = (port) => `endpoint: '127.0.0.1:${port}'` +
    (tls ? `, tls: { cert_file: ${tls.good.cert}, key_file: ${tls.good.key}, client_ca_file: ${tls.ca} }` : '');
  const socket = join(folder, 'otlp.sock');
  writeFileSync(join(folder, 'config.yaml'), `
receivers:
  otlp: { protocols: { grpc: { ${listen(grpc)} }, http: { ${listen(http)} } } }
  otlp/local: { protocols: { grpc: { endpoint: ${socket}, transport: unix } } }
exporters: { ${exporter}: {} }
extensions: { store: { directory: '${folder}/data' }, page: { ${listen(page)} } }
service:
  telemetry: { metrics: { level: none } }
  extensions: [store, page]
  pipelines: { ${signals.map((signal) => `${signal}: ${pipeline}`).join(', ')} }
`);
  const child = spawn(program, ['--config', join(folder, 'config.yaml')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  await new Promise((resolve, reject) => {
    child.stderr.on('data', (bytes) => {
      said += bytes;
      if (said.includes('Everything is ready')) resolve();
    });
    child.on('exit', () => reject(new Error(`the program ended: ${said}`)));
  });
  return {
    grpc, http, page, socket,
    async stop() {
      const ended = new Promise((resolve) => child.on('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
