/** What every discovery client of the examples tells, so that one table can show them all. */

/** Something that was found on the link, or is there no longer. */
export interface Found {
  protocol: "mdns" | "ssdp" | "wsd" | "pva";
  /** What people call it. */
  name: string;
  /** The service type, the device type, or "PV server". */
  kind: string;
  /** `"192.0.2.1:80"` or `"[fe80::1%eth0]:80"`. */
  address: string;
  /** The name of the interface that the answer came in on. */
  interface: string;
  /** It said goodbye, or its time ran out. */
  gone?: boolean;
  details?: Record<string, string>;
}
