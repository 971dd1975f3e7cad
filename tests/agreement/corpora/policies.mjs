// Run by Node: policies.mjs FOLDER, with a JSON list of policies on standard input; what both packages find is printed.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const folder = process.argv[2];
const require = createRequire(import.meta.url);
const { CspEvaluator } = require(`${folder}/csp_evaluator/package/dist/evaluator.js`);
const { CspParser } = require(`${folder}/csp_evaluator/package/dist/parser.js`);
const { Version } = require(`${folder}/csp_evaluator/package/dist/csp.js`);
const { Type } = require(`${folder}/csp_evaluator/package/dist/finding.js`);
const observatory = await import(`${folder}/mdn-http-observatory/package/src/analyzer/tests/csp.js`);

function evaluated(policy) {
  const findings = new CspEvaluator(new CspParser(policy).csp, Version.CSP3).evaluate();
  return findings.map((each) => ({ type: Type[each.type], severity: each.severity, directive: each.directive }));
}

function observed(policy) {
  const auto = { headers: { "content-security-policy": [policy], get: () => null }, httpEquiv: new Map() };
  const session = { url: new URL("https://web.test/") };
  const output = observatory.contentSecurityPolicyTest({ responses: { auto }, session });
  return output.pass;
}

const policies = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify(policies.map((each) => [evaluated(each), observed(each)])));
