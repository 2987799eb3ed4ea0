// Policies as they are read: nothing is lost or added by laying them out, and what decides stands out.

import { expect, test } from 'vitest';
import { laidOut, piecesOf } from './policy-text';

const policy = '{"Version":"2012-10-17","Statement":[{"Sid":"A \\"quoted\\" one","Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"arn:aws:s3:::home-${aws:username}/*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}]}';

test('laid out, it is the same JSON', () => {
  const lines = laidOut(policy);
  expect(JSON.parse(lines.join('\n'))).toEqual(JSON.parse(policy));
  expect(lines).toContain('      "Action": ["s3:Get*", "s3:List*"],');
  expect(lines).toContain('      "Condition": { "Bool": { "aws:MultiFactorAuthPresent": "true" } }');
});

test('what is no JSON stays as it is', () => {
  expect(laidOut('not\njson')).toEqual(['not', 'json']);
});

test('the pieces of a line are the line', () => {
  for (const line of laidOut(policy)) expect(piecesOf(line).map((it) => it.text).join('')).toBe(line);
});

test('keys, words and policy variables are told apart', () => {
  const kinds = (line: string) => piecesOf(line).filter((it) => it.kind !== 'plain').map((it) => `${it.kind} ${it.text}`);
  expect(kinds('"Effect": "Allow",')).toEqual(['key "Effect"', 'word "Allow"']);
  expect(kinds('"Resource": "arn:${aws:username}/*"')).toEqual(['key "Resource"', 'string "arn:', 'word ${aws:username}', 'string /*"']);
});
