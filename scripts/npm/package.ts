/** What the npm package is, whichever compiler makes it: names, entry points, dependencies. */
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** The folder that becomes the package. */
export const output = path.join(root, "npm");

/** What calls C, with which the tests run as well. */
export const koffiVersion = "3.3.4";

/** Node's types: those of the oldest Node, so that nothing is used that it lacks. */
export const nodeTypes = { name: "@types/node", version: "20.19.43" };

const { name: jsrName, license, exports, imports, ...config } = JSON.parse(
  Deno.readTextFileSync(path.join(root, "deno.json")),
) as {
  name: string;
  version: string;
  license: string;
  exports: Record<string, string>;
  imports: Record<string, string>;
};

/** What `pktinfo discover` reads packets with: loaded by nothing else. */
export const discoveryPackages = ["dns-packet", "fast-xml-parser"].map((name) => ({
  name,
  version: imports[name].replace(`npm:${name}@`, ""),
}));

/** The package's name, and the version that it has on JSR as well. */
export const name = "pktinfo";
export const version = config.version;

/** The program, by the name of its command. Always a program: what it does does not depend on how it was started. */
const bin: Record<string, string> = { pktinfo: "./cli/bin.ts" };

/** `#runtime`. Node and Bun take the last, and so does whoever knows no condition. */
const runtimes = { deno: "./ffi/runtime/deno.ts", default: "./ffi/runtime/koffi.ts" };

/** All modules that something outside of the package, or its `imports`, leads to. */
export const entryPoints = {
  exports,
  bin,
  runtimes: Object.values(runtimes),
};

function compiled(source: string): string {
  return source.replace(/^\.\//, "./esm/").replace(/\.ts$/, ".js");
}

function typed(source: string): { types: string; default: string } {
  const file = compiled(source);
  return { types: file.replace(/\.js$/, ".d.ts"), default: file };
}

function mapValues<From, To>(record: Record<string, From>, map: (value: From) => To) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

/**
 * npm shows it, and accepts a provenance statement only if it names the repository that the workflow runs in. Only the
 * workflow knows which one that is.
 */
function repository(): { type: string; url: string } | undefined {
  const [server, name] = ["GITHUB_SERVER_URL", "GITHUB_REPOSITORY"].map((key) => Deno.env.get(key));
  return server && name ? { type: "git", url: `git+${server}/${name}.git` } : undefined;
}

/**
 * package.json.
 *
 * ES modules only: each Node that is maintained can `require` them, since none of ours waits at its top level. A second,
 * CommonJS copy would be a second library in the same process, with its own poller and classes that `instanceof` takes
 * for others.
 */
export function description(): Record<string, unknown> {
  return {
    name,
    version,
    description: "UDP that tells, for every packet, the address it was sent to and the interface " +
      "it came in on; and multicast that means what it says",
    keywords: [
      ...["udp", "dgram", "multicast", "pktinfo", "IP_PKTINFO", "recvmsg", "ipv6", "ssm", "ffi"],
      ...["mdns", "ssdp", "network-interfaces"],
    ],
    license,
    repository: repository(),
    type: "module",
    sideEffects: false,
    // Those that can `require` ES modules.
    engines: { node: "^20.19.0 || >=22.12.0" },
    main: typed(exports["."]).default,
    types: typed(exports["."]).types,
    exports: { ...mapValues(exports, typed), "./package.json": "./package.json" },
    imports: { "#runtime": mapValues(runtimes, compiled) },
    bin: mapValues(bin, compiled),
    files: ["esm", "CHANGELOG.md"],
    dependencies: Object.fromEntries(
      [{ name: "koffi", version: koffiVersion }, ...discoveryPackages]
        .map(({ name, version }) => [name, `^${version}`]),
    ),
  };
}

/** Examples import the package by the name that it has where they are read. */
export function renamed(text: string): string {
  return text.replaceAll(`"${jsrName}`, `"${name}`);
}
