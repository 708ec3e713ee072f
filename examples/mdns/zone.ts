/**
 * What a responder has to say about one service (RFC 6762, sections 6 to 10; RFC 6763). No I/O.
 *
 * Every interface is told the addresses of that interface.
 */
import {
  dataKey,
  encodeResource,
  type Message,
  nameKey,
  type Question,
  type Resource,
} from "./packet.ts";
import { ALL_TYPES } from "./services.ts";

/** A service to announce. */
export interface Announced {
  /** What people call it: "Dr. Ink". */
  readonly name: string;
  /** "_ipp._tcp" */
  readonly type: string;
  readonly port: number;
  /** The first label of the host's name. Default: made of `name`. */
  readonly host?: string;
  readonly txt?: Readonly<Record<string, string>>;
}

/** Section 10: what goes along with a host's name changes sooner than the rest. */
const HOST_TTL = 120, OTHER_TTL = 4500;
/** Section 6.7: whoever asks like an ordinary resolver is to ask again soon, as it hears of no change. */
const LEGACY_TTL = 10;

/** The records of one service. */
export class Zone {
  readonly #service: Announced;
  readonly #txt: Uint8Array[];
  /** How often the names were taken. */
  #taken = 0;

  /** @throws {TypeError} If it cannot be announced. */
  constructor(service: Announced) {
    if (!/^_[^.]+\._(?:tcp|udp)$/.test(service.type)) {
      throw new TypeError(`a service type is like "_http._tcp", got "${service.type}"`);
    }
    const { port } = service;
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      throw new RangeError(`a port is an integer from 0 to 65535, got ${port}`);
    }
    this.#service = service;
    this.#txt = Object.entries(service.txt ?? {}).map(([key, value]) =>
      new TextEncoder().encode(`${key}=${value}`)
    );
    // Too long a name is refused here, not when somebody asks.
    for (const record of this.records([])) encodeResource(record);
  }

  /** "Dr\. Ink (2)._ipp._tcp.local" */
  get instance(): string {
    const suffix = this.#taken === 0 ? "" : ` (${this.#taken + 1})`;
    return `${(this.#service.name + suffix).replaceAll(".", "\\.")}.${this.#service.type}.local`;
  }

  /** "dr-ink-2.local" */
  get host(): string {
    const { host, name } = this.#service;
    const label = host ??
      (name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 50) ||
        "host");
    return `${label}${this.#taken === 0 ? "" : `-${this.#taken + 1}`}.local`;
  }

  /** Takes other names, as these are somebody else's (section 9). */
  rename(): void {
    this.#taken++;
  }

  /** All records, for an interface with these addresses. */
  records(addresses: readonly string[]): Resource[] {
    const { type, port } = this.#service;
    const owner = `${type}.local`, { instance, host } = this;
    const shared = { ttl: OTHER_TTL, flush: false, type: "PTR" } as const;
    return [
      { ...shared, name: ALL_TYPES, data: owner },
      { ...shared, name: owner, data: instance },
      ...this.#unique(instance, host, port),
      ...addresses.map((data): Resource => ({
        ...{ name: host, ttl: HOST_TTL, flush: true, data },
        type: data.includes(":") ? "AAAA" : "A",
      })),
    ];
  }

  #unique(instance: string, host: string, port: number): Resource[] {
    const own = { name: instance, flush: true };
    const data = { priority: 0, weight: 0, port, target: host };
    return [
      { ...own, ttl: HOST_TTL, type: "SRV", data },
      { ...own, ttl: OTHER_TTL, type: "TXT", data: this.#txt },
    ];
  }

  /** Asks whether somebody has these names already (section 8.1). */
  probe(addresses: readonly string[]): Partial<Message> {
    const names = [this.instance, this.host];
    return {
      questions: names.map((name) => ({ name, type: "ANY", unicast: true })),
      authorities: this.records(addresses)
        .filter(({ flush }) => flush).map((record) => ({ ...record, flush: false })),
    };
  }

  /** Tells everything unasked (section 8.3), or takes it back (section 10.1). */
  announcement(addresses: readonly string[], goodbye = false): Partial<Message> {
    const answers = this.records(addresses);
    return {
      response: true,
      answers: goodbye ? answers.map((record) => ({ ...record, ttl: 0 })) : answers,
    };
  }

  /**
   * Whether somebody else has our names: a record of that name that says what ours do not.
   *
   * @param addresses Those of all interfaces, as two of them may be on one link.
   */
  isConflict({ answers, additionals }: Message, addresses: readonly string[]): boolean {
    const own = this.records(addresses).filter(({ flush }) => flush);
    return [...answers, ...additionals].some((record) =>
      record.ttl > 0 && isAbout(record, own) && !own.some((mine) => sameRecord(mine, record))
    );
  }

  /** Whether somebody probes for our names at this moment, and its data win (section 8.2). */
  losesTo({ authorities }: Message, addresses: readonly string[]): boolean {
    const own = this.records(addresses).filter(({ flush }) => flush);
    return [this.instance, this.host].some((name) => {
      const theirs = proposal(authorities, name), ours = proposal(own, name);
      const at = theirs.findIndex((text, index) => text !== ours[index]);
      // Theirs are the later, or the same and more.
      return at >= 0 && theirs[at] > (ours[at] ?? "");
    });
  }

  /**
   * The answer to a query, or null if there is none.
   *
   * @param legacy It came from another port than 5353: an ordinary resolver's.
   */
  answer(query: Message, addresses: readonly string[], legacy: boolean): Partial<Message> | null {
    // Section 6.7 has the question in the answer. Ordinary resolvers ask one; a thousand, each a pointer to the same
    // name, would come back as six times as many bytes.
    if (legacy && query.questions.length !== 1) return null;
    const all = this.records(addresses);
    const answers = new Set<Resource>();
    for (const question of query.questions) {
      const found = all.filter((record) => isAnswer(record, question));
      for (const record of found) answers.add(record);
      if (found.length === 0 && nameKey(question.name) === nameKey(this.host)) {
        answers.add(this.#nothingElse(all));
      }
    }
    // Section 7.1. What they know for less than half of its lifetime is told again.
    for (const record of answers) {
      const known = query.answers.find((other) => sameRecord(record, other));
      if (known && known.ttl >= record.ttl / 2) answers.delete(record);
    }
    if (answers.size === 0) return null;
    const additionals = all.filter((record) => !answers.has(record) && belongsTo(record, answers));
    if (!legacy) return { response: true, answers: [...answers], additionals };
    const plain = (record: Resource): Resource => ({
      ...record,
      ttl: Math.min(record.ttl, LEGACY_TTL),
      flush: false,
    });
    return {
      id: query.id,
      response: true,
      questions: query.questions.map(({ name, type }) => ({ name, type })),
      answers: [...answers].map(plain),
      additionals: additionals.map(plain),
    };
  }

  /** Says which records our host has, so that nobody waits for others (section 6.1). */
  #nothingElse(all: readonly Resource[]): Resource {
    const types = all.filter(({ name }) => name === this.host).map(({ type }) => type);
    return {
      ...{ name: this.host, ttl: HOST_TTL, flush: true },
      type: "NSEC",
      data: [...new Set(types)],
    };
  }
}

function sameRecord(a: Resource, b: Resource): boolean {
  return a.type === b.type && nameKey(a.name) === nameKey(b.name) && dataKey(a) === dataKey(b);
}

function isAbout({ name, type }: Resource, own: readonly Resource[]): boolean {
  const addresses = ["A", "AAAA"];
  return own.some((mine) =>
    nameKey(mine.name) === nameKey(name) &&
    (mine.type === type || addresses.includes(mine.type) && addresses.includes(type))
  );
}

function isAnswer(record: Resource, { name, type }: Question): boolean {
  return nameKey(record.name) === nameKey(name) && (type === "ANY" || type === record.type);
}

/** RFC 6763, section 12: whoever asks for a service wants its place next, and then the host's addresses. */
function belongsTo({ name, type }: Resource, answers: ReadonlySet<Resource>): boolean {
  const asked = [...answers].map((answer) => answer.type);
  if (type === "SRV" || type === "TXT") {
    return [...answers].some((answer) => answer.type === "PTR" && answer.data === name);
  }
  return (type === "A" || type === "AAAA") &&
    (asked.includes("SRV") || asked.includes("A") || asked.includes("AAAA") ||
      [...answers].some((answer) => answer.type === "PTR" && nameKey(answer.name) !== ALL_TYPES));
}

/** The data that are proposed for a name, in the order in which they are compared: class, type, data. */
function proposal(records: readonly Resource[], name: string): string[] {
  return records.filter((record) => nameKey(record.name) === nameKey(name))
    .map((record) => {
      const bytes = encodeResource({ ...record, name: "", flush: false, ttl: 0 });
      return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
        // The root's name in front; then type, class, TTL and the length, which is not compared.
        .replace(/^00(....)(....).{8}..../, "$2$1");
    }).sort();
}
