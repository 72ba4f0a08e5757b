// coverage.mjs - a row per file from gcovr's JSON: branches taken, and the lines where some are not.
//   node tools/coverage.mjs all.json 'src/a.c' 'src/b.c 85' ...
import { readFileSync } from 'node:fs';

const LEAST = 90;
const [report, ...rows] = process.argv.slice(2);
const files = new Map(JSON.parse(readFileSync(report, 'utf8')).files.map((file) => [file.file, file.lines]));

function judge(row) {
  const [name, least = LEAST] = row.split(/\s+/);
  const lines = files.get(name);
  if (!lines) return { name, least: Number(least), missing: true };
  let all = 0, taken = 0;
  const open = [];
  for (const line of lines) {
    if (line['gcovr/noncode'] || line['gcovr/excluded']) continue;
    const branches = (line.branches ?? []).filter((branch) => !branch['gcovr/excluded']);
    const missed = branches.filter((branch) => branch.count === 0).length;
    all += branches.length;
    taken += branches.length - missed;
    if (missed) open.push(line.line_number);
  }
  return { name, least: Number(least), all, taken, open, percent: all ? (100 * taken) / all : 100 };
}

const judged = rows.map(judge);
let failed = 0, all = 0, taken = 0;
for (const file of judged) {
  if (file.missing) {
    console.log(`  MISSING          ${file.name}: no test reaches it, or it is gone`);
    failed++;
    continue;
  }
  all += file.all;
  taken += file.taken;
  const bad = file.percent < file.least;
  failed += bad ? 1 : 0;
  console.log(`  ${bad ? 'LESS' : 'ok  '} ${file.percent.toFixed(1).padStart(6)} %  ${String(file.taken).padStart(4)} of ` +
    `${String(file.all).padStart(4)}  ${file.name}` + (bad ? `  (at least ${file.least} %)` : ''));
  if (file.open.length) console.log(`                 lines not wholly taken: ${file.open.join(' ')}`);
}
console.log(`coverage: ${((100 * taken) / all).toFixed(1)} % of ${all} branches in ${judged.length} files; ${failed} below what they must reach`);
process.exit(failed ? 1 : 0);
