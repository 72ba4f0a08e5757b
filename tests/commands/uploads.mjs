// Uploads that are refused before their end, by the real curl over HTTP/1.1 and HTTP/2: it must show the
// answer, and not that the stream failed because the refusal of the rest overtook it.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const rounds = 10; // who overtakes whom is a matter of luck

function curl(words) {
  return new Promise((resolve) =>
    execFile('curl', ['-sS', '-m', '20', '-H', 'Expect:', '-w', ' [%{http_code}]', ...words], (error, out, err) =>
      resolve({ code: error ? error.code : 0, out, err })));
}

function fileOf(folder, name, size) {
  const path = join(folder, name);
  writeFileSync(path, '');
  truncateSync(path, size);
  return path;
}

export async function uploadChecks({ server, check, expect }) {
  const folder = mkdtempSync(join(tmpdir(), 'uploads.'));
  const some = fileOf(folder, 'some', 3_000_000), large = fileOf(folder, 'large', 70 << 20);
  const json = 'Content-Type: application/json';
  const rows = [
    { path: '/nothing', file: some, status: 404, body: '404 page not found' },
    { path: '/v1/traces', file: some, words: ['-X', 'PUT'], status: 405, body: '405 method not allowed' },
    { path: '/v1/traces', file: some, words: ['-H', 'Content-Encoding: odd'], status: 415, body: 'content-encoding is not known' },
    { path: '/v1/traces', file: large, words: ['-H', json], status: 413, body: 'the body is larger than the limit' },
    { path: '/v1/traces', file: large, words: ['-H', json, '-H', 'Transfer-Encoding: chunked'], status: 413,
      body: 'the body is larger than the limit' },
    { path: '/v1/traces', file: some, status: 415, body: 'send application/x-protobuf or application/json' },
  ];
  for (const { path, file, words = [], status, body } of rows)
    for (const version of ['--http1.1', '--http2-prior-knowledge'])
      await check(`curl ${version}: ${status} ${body}`, async () => {
        for (let round = 0; round < rounds; round++) {
          const got = await curl([version, ...words, '--data-binary', `@${file}`, `http://127.0.0.1:${server.http}${path}`]);
          expect('status and body', got.code === 0 && got.out.includes(body) && got.out.endsWith(` [${status}]`), got);
        }
      });
  rmSync(folder, { recursive: true });
}
