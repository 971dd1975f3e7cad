// Run by Node: sites.mjs FOLDER, with a JSON list of sites on standard input; what the Observatory finds is printed.
import { readFileSync } from "node:fs";

const folder = process.argv[2];
const tests = `${folder}/mdn-http-observatory/package/src/analyzer/tests`;
const { CookieJar } = await import(`${folder}/node_modules/tough-cookie/dist/cookie/index.js`);
const { cookiesTest } = await import(`${tests}/cookies.js`);
const { crossOriginResourceSharingTest } = await import(`${tests}/cors.js`);
const { crossOriginResourcePolicyTest } = await import(`${tests}/cross-origin-resource-policy.js`);
const { contentSecurityPolicyTest } = await import(`${tests}/csp.js`);
const { redirectionTest } = await import(`${tests}/redirection.js`);
const { referrerPolicyTest } = await import(`${tests}/referrer-policy.js`);
const { strictTransportSecurityTest } = await import(`${tests}/strict-transport-security.js`);
const { xContentTypeOptionsTest } = await import(`${tests}/x-content-type-options.js`);
const { xFrameOptionsTest } = await import(`${tests}/x-frame-options.js`);

const https = {
  cookies: cookiesTest,
  "cross-origin-resource-sharing": crossOriginResourceSharingTest,
  "cross-origin-resource-policy": crossOriginResourcePolicyTest,
  "content-security-policy": contentSecurityPolicyTest,
  "referrer-policy": referrerPolicyTest,
  "strict-transport-security": strictTransportSecurityTest,
  "x-content-type-options": xContentTypeOptionsTest,
  "x-frame-options": xFrameOptionsTest,
};

// As Node gives header fields: joined by commas, those of Set-Cookie as a list.
function fields(pairs) {
  const found = {};
  for (const [written, value] of pairs) {
    const name = written.toLowerCase();
    if (name === "set-cookie") (found[name] ??= []).push(value);
    else found[name] = name in found ? `${found[name]}, ${value}` : value;
  }
  return found;
}

function judged(site) {
  const jar = new CookieJar();
  for (const step of site.steps)
    for (const [name, value] of step.headers)
      if (name.toLowerCase() === "set-cookie") {
        try {
          jar.setCookieSync(value, step.url, { loose: true });
        } catch {}
      }
  const last = site.steps[site.steps.length - 1];
  const auto = { status: last.status, headers: fields(last.headers), verified: site.verified };
  Object.defineProperty(auto.headers, "get", { value: (name) => auto.headers[name] ?? null });
  auto.httpEquiv = new Map([["content-security-policy", site.policies]]);
  const route = [...site.steps.map((each) => each.url), ...(site.redirect ? [site.redirect] : [])];
  const cors = { headers: fields(site.cors), request: { headers: { origin: site.origin } } };
  const responses = { auto, https: auto, http: auto, cors };
  responses.httpRedirects = route.map((url) => ({ url: new URL(url), status: last.status }));
  responses.httpsRedirects = responses.httpRedirects;
  const requests = { hostname: "web.test", responses, resources: {}, session: { url: new URL(last.url), jar } };
  const used = site.scheme === "https" ? https : { redirection: redirectionTest };
  return Object.fromEntries(Object.entries(used).map(([name, test]) => [name, test(requests).pass]));
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf-8")).map(judged)));
