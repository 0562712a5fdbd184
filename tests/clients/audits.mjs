// Does the service speak GraphQL over HTTP? Asks every audit of the standard's reference implementation, the optional ones
// too. Reads {url, credential} from its input; tells how many there are, and which failed and why.
import { text } from 'node:stream/consumers';
import { serverAudits } from 'graphql-http';

const { url, credential } = JSON.parse(await text(process.stdin));

function fetchFn(address, init) {
  const headers = new Headers(init?.headers);
  headers.set('authorization', `Bearer ${credential}`);
  return fetch(address, { ...init, headers });
}

const audits = serverAudits({ url, fetchFn });
const failed = [];
for (const audit of audits) {
  const result = await audit.fn();
  if (result.status !== 'ok') failed.push(`${result.id} ${result.name}: ${result.reason}`);
}
console.log(JSON.stringify({ audits: audits.length, failed }));
