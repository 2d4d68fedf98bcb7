import { BlockList, isIP, isIPv6 } from 'node:net';

/** Where a rule must not make the engine call: whoever may write a rule would reach what only the engine's node can. */
const FORBIDDEN: readonly string[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '::/128',
  '::1/128',
  // Link-local, where most clouds keep the credentials of the node.
  '169.254.0.0/16',
  'fe80::/10',
  // The same elsewhere: AWS over IPv6, Alibaba Cloud, Azure.
  'fd00:ec2::254/128',
  '100.100.100.200/32',
  '168.63.129.16/32',
  // Multicast and broadcast.
  '224.0.0.0/4',
  '255.255.255.255/32',
  'ff00::/8',
];

/** Prefixes under which an IPv6 address stands for the IPv4 address in its last 32 bits: compatible, and two of NAT64. */
const EMBEDDING = ['::', '64:ff9b::', '64:ff9b:1::'];

/** @returns the networks as a list to ask; undefined when one is not written as `address/prefix` */
export function networksOf(texts: readonly string[]): BlockList | undefined {
  const list = new BlockList();
  for (const text of texts) {
    const [address = '', bits = '', ...rest] = text.split('/');
    const most = isIPv6(address) ? 128 : 32;
    if (!isIP(address) || !/^\d{1,3}$/.test(bits) || Number(bits) > most || rest.length > 0) return undefined;
    list.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4');
    // IPv4 in IPv6 (::ffff:0:0/96) is known to the list itself.
    if (most === 32) for (const prefix of EMBEDDING) list.addSubnet(`${prefix}${address}`, 96 + Number(bits), 'ipv6');
  }
  return list;
}

const forbidden = networksOf(FORBIDDEN) ?? new BlockList();

/** Whether a webhook may be called at an IP address; `allowed` are networks excepted from what is forbidden. */
export function isCallable(address: string, allowed: BlockList): boolean {
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  return allowed.check(address, family) || !forbidden.check(address, family);
}

/** The address in the URL, if it has one, at which no webhook is called. What a name resolves to is only known at the call. */
export function uncallableHost(url: string, allowed: BlockList = new BlockList()): string | undefined {
  const host =
    URL.parse(url)
      ?.hostname.replace(/^\[|\]$/g, '')
      .replace(/\.$/, '') ?? '';
  const address = host === 'localhost' || host.endsWith('.localhost') ? '127.0.0.1' : host;
  return isIP(address) && !isCallable(address, allowed) ? host : undefined;
}
