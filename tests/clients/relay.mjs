// Compiles the files in relay/ with Relay's compiler, in a separate folder, and prints the compiled operations by name, or the
// error. Reads {folder, schema} from its input: the folder to work in, and the text of the schema.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import compiler from 'relay-compiler';

const { folder, schema } = JSON.parse(await text(process.stdin));
cpSync(fileURLToPath(new URL('relay', import.meta.url)), folder, { recursive: true });
writeFileSync(join(folder, 'schema.graphql'), schema);
const compiled = join(folder, 'compiled');
mkdirSync(compiled);

// Without the compiler's own search for watchman.
const done = spawnSync(compiler, ['--noWatchman'], { cwd: folder, encoding: 'utf8' });
const operations = {};
if (done.status === 0) {
  const load = createRequire(join(compiled, 'here'));
  for (const file of readdirSync(compiled)) {
    const artifact = load(`./${file}`);
    if (artifact.kind === 'Request') operations[artifact.params.name] = artifact.params.text;
  }
}
console.log(JSON.stringify({ status: done.status, output: done.stdout + done.stderr, operations }));
