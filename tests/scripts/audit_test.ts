// The stage "audit": what is known fails it, what cannot be asked skips it. The registry is one of our own on loopback.
import { assertEquals, assertStringIncludes } from "@std/assert";
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { audit, resultOf } from "../../scripts/audit_stage.ts";
import { test } from "../harness.ts";

const ADVISORY = {
  id: 1179,
  url: "https://github.com/advisories/GHSA-vh95-rmgr-6w4m",
  title: "Prototype Pollution in minimist",
  severity: "moderate",
  vulnerable_versions: "<0.2.1 || >=1.0.0 <1.2.3",
  cwe: ["CWE-1321"],
  cvss: { score: 5.6, vectorString: null },
};

/** What is asked about: a package that something is known against. */
function project(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "audit-"));
  fs.writeFileSync(
    path.join(folder, "deno.json"),
    JSON.stringify({ imports: { minimist: "npm:minimist@1.2.0" } }),
  );
  fs.writeFileSync(
    path.join(folder, "deno.lock"),
    JSON.stringify({
      version: "5",
      specifiers: { "npm:minimist@1.2.0": "1.2.0" },
      npm: { "minimist@1.2.0": { integrity: `sha512-${"A".repeat(86)}==` } },
      workspace: { dependencies: ["npm:minimist@1.2.0"] },
    }),
  );
  return folder;
}

/** Asks a registry that answers like this; returns the result and what it was asked. */
async function auditBy(status: number, answer: unknown) {
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text) => body += text);
    request.on("end", () => {
      asked.push(`${request.method} ${request.url} ${body}`);
      const text = JSON.stringify(answer);
      response.writeHead(status, {
        "content-type": "application/json",
        "content-length": text.length,
      });
      response.end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const folder = project();
  try {
    const registry = { NPM_CONFIG_REGISTRY: `http://127.0.0.1:${port}/` };
    return { result: resultOf("project", await audit(folder, registry)), asked };
  } finally {
    fs.rmSync(folder, { recursive: true });
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }
}

test("a package that something is known against fails the audit", async () => {
  const { result, asked } = await auditBy(200, { minimist: [ADVISORY] });
  assertEquals([result.passed, result.failed], [0, ["project"]]);
  assertStringIncludes(result.output, "Prototype Pollution in minimist");
  assertEquals(asked, [
    'POST /-/npm/v1/security/advisories/bulk {"minimist":["1.2.0"]}',
  ]);
});

test("one that nothing is known against passes", async () => {
  const { result } = await auditBy(200, {});
  assertEquals([result.passed, result.failed, result.skipped], [1, [], []]);
});

test("a registry that gives no advisories skips the audit, by name and with the reason", async () => {
  const { result } = await auditBy(405, { error: "method not allowed" });
  assertEquals([result.passed, result.failed, result.skipped.length], [0, [], 1]);
  assertStringIncludes(result.skipped[0], "project (skipped: no advisories to be had: ");
});
