// Compares two schemas. Reads {old, now}, the texts of the schemas, from its input; prints the breaking and the dangerous
// changes.
import { text } from 'node:stream/consumers';
import { buildSchema, findBreakingChanges, findDangerousChanges } from 'graphql';

const { old, now } = JSON.parse(await text(process.stdin));
const schemas = [buildSchema(old), buildSchema(now)];
const [breaking, dangerous] = [findBreakingChanges, findDangerousChanges].map((find) =>
  find(...schemas).map(({ type, description }) => `${type}: ${description}`),
);
console.log(JSON.stringify({ breaking, dangerous }));
