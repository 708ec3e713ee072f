/** Groups on all interfaces, or on those that were named, also on those that come later. */
import { type Membership, SocketError, type UdpSocket } from "../../mod.ts";

/** A group on an interface. */
export interface Place {
  group: string;
  interfaceIndex: number;
}

/**
 * Joins groups, and tells of each place: of those there are now, and of each interface that comes or comes back.
 *
 * @param wanted Names of interfaces. Default: all that can do multicast.
 */
export function joinGroups(
  socket: UdpSocket,
  groups: readonly string[],
  wanted: readonly string[] | undefined,
  onPlace: (place: Place) => void,
  onError: (error: Error) => void,
): void {
  for (const group of groups) {
    const tell = (joined: Membership["interfaces"]) => {
      for (const { index } of joined) onPlace({ group, interfaceIndex: index });
    };
    for (const name of wanted ?? [undefined]) {
      try {
        const membership = socket.join(group, { interface: name });
        membership.addEventListener("change", ({ joined }) => tell(joined));
        tell(membership.interfaces);
      } catch (error) {
        // A host without IPv6, an interface without IPv4: the rest works.
        if (!(error instanceof SocketError)) throw error;
        onError(error);
      }
    }
  }
}

/** Where a group is reached in a place. */
export function endpointOf({ group, interfaceIndex }: Place, port: number) {
  return { address: group, port, interface: interfaceIndex };
}
