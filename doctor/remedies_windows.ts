/**
 * Windows: what to do about each finding. The commands are for PowerShell as administrator.
 *
 * What Windows does not tell (routes and rules: `diagnosis.looked`) has no entry here.
 *
 * @module
 */

import type { Remedies } from "./causes.ts";
import { remedy } from "./remedy.ts";
import { powershell } from "./shell.ts";

const FIREWALL = "Look for a packet filter: in Windows Defender Firewall let the program in " +
  "(wf.msc, inbound rules, UDP), for the network's profile (Get-NetConnectionProfile).";

/** Windows' remedies. */
export const WINDOWS_REMEDIES: Partial<Remedies> = {
  "interface-down": ({ interface: name }) =>
    remedy(
      "Plug the cable in, join the wireless network, or switch the adapter on.",
      powershell`Enable-NetAdapter -Name ${name}`,
    ),
  "not-running": () => remedy("Plug the cable in, or join the wireless network."),
  "no-ipv4-address": ({ interface: name }) =>
    remedy(
      "Get an address by DHCP.",
      powershell`Set-NetIPInterface -InterfaceAlias ${name} -AddressFamily IPv4 -Dhcp Enabled`,
    ),
  "family-missing": ({ family }) =>
    family === "IPv6"
      ? remedy(
        "Switch it on for all adapters, and see that DisabledComponents is not set " +
          "(HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip6\\Parameters).",
        "Enable-NetAdapterBinding -Name * -ComponentID ms_tcpip6",
      )
      : remedy(
        "Switch it on for all adapters.",
        "Enable-NetAdapterBinding -Name * -ComponentID ms_tcpip",
      ),
  "link-local-missing": ({ interface: name }) =>
    remedy(
      "Switch IPv6 on for the adapter: the address comes with it.",
      powershell`Enable-NetAdapterBinding -Name ${name} -ComponentID ms_tcpip6`,
    ),
  "link-local-tentative": () => remedy("Wait a moment.", "Start-Sleep 3"),
  "mtu-too-small": ({ interface: name }) =>
    remedy(
      "Allow 1280 bytes at least, 1500 where the link takes them.",
      powershell`Set-NetIPInterface -InterfaceAlias ${name} -AddressFamily IPv4 -NlMtuBytes 1500`,
    ),
  "duplicate-address": ({ interface: name, address }) =>
    remedy(
      "Find the other host, or use another address here. The command takes this one away.",
      powershell`Remove-NetIPAddress -InterfaceAlias ${name} -IPAddress ${address} -Confirm:$false`,
    ),
  "no-multicast-route": () => remedy("Have programs name the interface. See: route print"),
  "packet-filter": () => remedy(FIREWALL),
  "port-taken": ({ port }) =>
    remedy(
      `Find the program (Get-NetUDPEndpoint -LocalPort ${port} | Select-Object OwningProcess) and ` +
        "stop it, or have it share the port (SO_REUSEADDR without SO_EXCLUSIVEADDRUSE).",
    ),
  "no-interface": () => remedy("Attach the host to a network."),
  "send-refused": ({ group }) =>
    remedy(`See which route is taken: Find-NetRoute -RemoteIPAddress ${group}`),
  "not-received": () => remedy(FIREWALL),
  "wrong-destination": () => remedy("Look for address translation: Get-NetNat"),
  "wrong-interface": () =>
    remedy("See which route is taken: Find-NetRoute -RemoteIPAddress 239.255.0.1"),
};
