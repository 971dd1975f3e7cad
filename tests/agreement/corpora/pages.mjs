// Run by Node: pages.mjs FOLDER, with a JSON list of pages on standard input: whether the Observatory passes each, and
// the scripts that parse5 finds in it, are printed.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const folder = process.argv[2];
const require = createRequire(`${folder}/node_modules/`);
const observatory = await import(`${folder}/mdn-http-observatory/package/src/analyzer/tests/subresource-integrity.js`);
const { JSDOM } = await import(`${folder}/node_modules/jsdom/index.js`);

function judged(page) {
  const auto = { headers: { "content-type": "text/html", get: () => "text/html" }, status: 200 };
  const session = { url: new URL("https://mozilla.org/") };
  const requests = { responses: { auto }, resources: { path: page }, session, hostname: "mozilla.org" };
  return observatory.subresourceIntegrityTest(requests).pass;
}

function scripts(page) {
  return new JSDOM(page).window.document.querySelectorAll("script").map((each) => each.getAttribute("src"));
}

const pages = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify(pages.map((page) => [judged(page), scripts(page)])));
