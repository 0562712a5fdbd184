// Runs every audit of graphql-http, the reference implementation of GraphQL over HTTP, including the optional ones. Reads {url,
// credential} from its input; prints the number of audits, and the failed ones with their reasons.
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
