// Checks that the OpenAPI document is valid and matches the responses of the service. Reads {document, answers, unseen} from its
// input: the text of the document, the responses as {path, method, status, headers, body}, and the statuses that no test can
// cause. Prints all violations.
import { text } from 'node:stream/consumers';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const { document, answers, unseen } = JSON.parse(await text(process.stdin));
const violations = [];

const config = await createConfig({ extends: ['recommended-strict'] });
for (const { ruleId, message, location } of await lintFromString({ source: document, config })) {
  violations.push(`lint ${ruleId}: ${message} ${location[0]?.pointer}`);
}

const parsed = JSON.parse(document);
const found = (reference) => reference.slice(2).split('/').reduce((node, part) => node?.[part], parsed);
/** Returns the node with its references replaced; there are no cycles. */
function whole(node) {
  if (Array.isArray(node)) return node.map(whole);
  if (node === null || typeof node !== 'object') return node;
  if (node.$ref) return whole(found(node.$ref));
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, whole(value)]));
}
const { paths } = whole(parsed);

const ajv = addFormats(new Ajv({ allErrors: true, allowUnionTypes: true }));
function check(where, schema, value) {
  if (!ajv.validate(schema, value)) violations.push(`${where}: ${ajv.errorsText()}: ${JSON.stringify(value)}`);
}

/** Headers of the transfer, which the document does not describe. */
const TRANSFER = ['connection', 'content-length', 'content-type', 'date', 'transfer-encoding'];

const waiting = new Set();
for (const [path, item] of Object.entries(paths)) {
  for (const [method, { responses }] of Object.entries(item)) {
    for (const status of Object.keys(responses)) waiting.add(`${method} ${path} ${status}`);
  }
}
for (const { path, method, status, headers, body } of answers) {
  const where = `${method} ${path} ${status}`;
  const response = paths[path]?.[method]?.responses[status];
  if (!response) {
    violations.push(`${where}: is not in the document`);
    continue;
  }
  waiting.delete(where);
  const known = Object.entries(response.headers).map(([name, header]) => [name.toLowerCase(), header]);
  for (const [name, header] of known) {
    if (name in headers) check(`${where}: ${name}`, header.schema, headers[name]);
    else if (header.required) violations.push(`${where}: ${name} is missing`);
  }
  const names = [...known.map(([name]) => name), ...TRANSFER];
  for (const name of Object.keys(headers)) {
    if (!names.includes(name)) violations.push(`${where}: ${name} is not in the document`);
  }
  const [[kind, content] = []] = Object.entries(response.content ?? {});
  if (!content) {
    if (body !== '') violations.push(`${where}: has a body`);
  } else if (headers['content-type']?.split(';')[0] !== kind) {
    violations.push(`${where}: is of type ${headers['content-type']}`);
  } else {
    check(where, content.schema, kind === 'application/json' ? JSON.parse(body) : body);
  }
}
for (const where of waiting) {
  if (!unseen.some((status) => where.endsWith(` ${status}`))) violations.push(`${where}: was not answered`);
}
console.log(JSON.stringify(violations));
