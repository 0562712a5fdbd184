// What would a new schema break for whoever relies on an old one? Reads {old, now} from its input, the schemas' texts;
// prints what breaks them, and what may surprise them.
import { text } from 'node:stream/consumers';
import { buildSchema, findBreakingChanges, findDangerousChanges } from 'graphql';

const { old, now } = JSON.parse(await text(process.stdin));
const schemas = [buildSchema(old), buildSchema(now)];
const [breaking, dangerous] = [findBreakingChanges, findDangerousChanges].map((find) =>
  find(...schemas).map(({ type, description }) => `${type}: ${description}`),
);
console.log(JSON.stringify({ breaking, dangerous }));
