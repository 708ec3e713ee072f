/** Debian packages of other releases and processors, unpacked to a folder. Nothing is installed by this. */
import path from "node:path";
import { temporaryFolder, Unavailable } from "./cache.ts";
import { must } from "./tools.ts";

/** Where this machine's apt finds Debian. */
export interface Mirror {
  uri: string;
  /** Debian's keys: a file. */
  keys: string;
}

const debiansKeys = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * Finds Debian's mirror in the text of one of apt's files of sources (sources.list(5)), in either of their two formats.
 *
 * @param release The code name of the release that the mirror is known to have.
 */
export function findMirror(text: string, release: string): Mirror | null {
  const lines = text.split("\n").filter((line) => !line.trimStart().startsWith("#"));
  // Blank lines separate the entries of one format; of the other, each line is an entry.
  for (const entry of lines.join("\n").split(/\n\s*\n/)) {
    const field = (name: string) =>
      new RegExp(`^${name}:[ \\t]*(\\S.*)$`, "mi").exec(entry)?.[1].trim().split(/\s+/);
    if (field("Types")?.includes("deb") && field("Suites")?.includes(release)) {
      const [keys] = field("Signed-By") ?? [];
      const [uri] = field("URIs") ?? [];
      if (uri) return { uri, keys: keys?.startsWith("/") ? keys : debiansKeys };
    }
    for (
      const [, options = "", uri, suite] of entry.matchAll(
        /^deb[ \t]+(?:\[([^\]]*)\][ \t]+)?(\S+)[ \t]+(\S+)/gm,
      )
    ) {
      if (suite !== release) continue;
      return { uri, keys: /\bsigned-by=(\/\S+)/i.exec(options)?.[1] ?? debiansKeys };
    }
  }
  return null;
}

function read(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch {
    return "";
  }
}

function filesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => path.join(folder, name)).sort();
  } catch {
    return [];
  }
}

/** The mirror of this machine, and the code name of its release. */
function mirrorHere(): Mirror & { release: string } {
  const system = read("/etc/os-release");
  const release = /^VERSION_CODENAME="?(\w+)/m.exec(system)?.[1];
  if (!/^ID="?debian\b/m.test(system) || release === undefined) {
    throw new Unavailable("packages of Debian are used on Debian only");
  }
  for (const file of ["/etc/apt/sources.list", ...filesIn("/etc/apt/sources.list.d")]) {
    const mirror = findMirror(read(file), release);
    if (mirror !== null) return { ...mirror, release };
  }
  throw new Unavailable("no mirror of Debian in apt's sources");
}

/** Debian packages that are to be unpacked. */
export interface DebianPackages {
  /** What they bring, in words: "cannot download …". */
  what: string;
  /** "trixie"; "backports" and "" are this machine's own release's. */
  suite: string;
  names: string[];
  /** A processor, as Debian calls it. Default: amd64. */
  architecture?: string;
}

/** Unpacks packages into a folder, with lists and settings of apt that are nobody else's: anybody may do that. */
export async function unpackDebian(
  { what, suite, names, architecture = "amd64" }: DebianPackages,
  into: string,
): Promise<void> {
  const { uri, keys, release } = mirrorHere();
  const apt = await temporaryFolder("apt");
  for (const folder of ["lists/partial", "archives/partial", "none", "debs"]) {
    await Deno.mkdir(path.join(apt, folder), { recursive: true });
  }
  const name = suite === "backports" ? `${release}-backports` : suite || release;
  const sources = path.join(apt, "sources.list");
  await Deno.writeTextFile(sources, `deb [signed-by=${keys}] ${uri} ${name} main\n`);
  await Deno.writeTextFile(path.join(apt, "status"), "");
  const settings = [
    `Dir::Etc::sourcelist=${sources}`,
    `Dir::Etc::sourceparts=${apt}/none`,
    `Dir::Etc::preferences=${apt}/no-preferences`,
    `Dir::Etc::preferencesparts=${apt}/none`,
    `Dir::State=${apt}`,
    `Dir::State::lists=${apt}/lists`,
    `Dir::State::status=${apt}/status`,
    `Dir::Cache=${apt}`,
    `APT::Architecture=${architecture}`,
    `APT::Architectures=${architecture}`,
    // apt's own user may not write here.
    "APT::Sandbox::User=root",
    // Without this, what could not be downloaded is a warning.
    "APT::Update::Error-Mode=any",
    "Acquire::Languages=none",
    "Acquire::Retries=2",
    "Acquire::http::Timeout=20",
  ].flatMap((setting) => ["-o", setting]);
  const cwd = path.join(apt, "debs");
  const cannot = `cannot download ${what}`;
  await must(cannot, ["apt-get", "-qq", ...settings, "update"], { cwd });
  await must(cannot, ["apt-get", "-qq", ...settings, "download", ...names], { cwd });
  for (const deb of filesIn(cwd)) {
    await must(`cannot unpack ${what}`, ["dpkg-deb", "-x", deb, into]);
  }
}
