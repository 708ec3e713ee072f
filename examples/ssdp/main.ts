/**
 * Finds UPnP devices on every interface, or is one.
 *
 *     deno run --allow-ffi examples/ssdp/main.ts [--for SECONDS] [--json] [--interface NAME]… [TYPE]
 *     deno run --allow-ffi --allow-net examples/ssdp/main.ts --advertise NAME [--port PORT]
 *
 * With --allow-net the name of a device is fetched from its description; a device serves its own there.
 * TYPE is what to search for ("upnp:rootdevice", "urn:schemas-upnp-org:device:MediaServer:1"); default: all.
 */
// deno-lint-ignore-file no-console

import { randomUUID } from "node:crypto";
import http from "node:http";
import process from "node:process";
import { parseArgs } from "node:util";
import { lineOf } from "../shared/lines.ts";
import { escapeXml } from "../shared/xml.ts";
import { advertise } from "./advertise.ts";
import { discover } from "./discover.ts";

const DEVICE_TYPE = "urn:schemas-upnp-org:device:Basic:1";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    for: { type: "string" },
    json: { type: "boolean" },
    interface: { type: "string", multiple: true },
    advertise: { type: "string" },
    port: { type: "string" },
  },
});
const leave = new AbortController();
const signal = leave.signal;
const onError = (error: Error) => console.error(error.message);
process.once("SIGINT", () => leave.abort());
process.once("SIGTERM", () => leave.abort());
const timer = values.for === undefined
  ? undefined
  : setTimeout(() => leave.abort(), Number(values.for) * 1000);

if (values.advertise === undefined) {
  const options = { interfaces: values.interface, target: positionals[0], signal, onError };
  for await (const found of discover(options)) {
    console.log(values.json ? JSON.stringify(found) : lineOf(found));
  }
} else {
  await serve(values.advertise, Number(values.port ?? 0));
}
clearTimeout(timer);

async function serve(name: string, wantedPort: number): Promise<void> {
  const uuid = randomUUID();
  const description = `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>2</major><minor>0</minor></specVersion>
<device><deviceType>${DEVICE_TYPE}</deviceType><friendlyName>${escapeXml(name)}</friendlyName>
<manufacturer>pktinfo</manufacturer><modelName>example</modelName><UDN>uuid:${uuid}</UDN></device></root>
`;
  const server = http.createServer((_, response) => {
    response.writeHead(200, { "content-type": 'text/xml; charset="utf-8"' }).end(description);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(wantedPort, resolve);
  });
  const { port } = server.address() as { port: number };
  await advertise({
    uuid,
    type: DEVICE_TYPE,
    port,
    path: "/description.xml",
    server: `${process.platform} UPnP/2.0 pktinfo/0.1`,
  }, {
    interfaces: values.interface,
    signal,
    onError,
    onReady: () => console.log(`${name} is uuid:${uuid}, described on port ${port}`),
  });
  server.closeAllConnections();
  server.close();
}
