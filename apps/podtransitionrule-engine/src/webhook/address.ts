import { BlockList, isIP, isIPv6 } from 'node:net';

/** Networks that webhooks must not be called in. Otherwise a user who may write rules could reach what only the engine's node can reach. */
const FORBIDDEN: readonly string[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '::/128',
  '::1/128',
  // Link-local, where most clouds keep the credentials of the node.
  '169.254.0.0/16',
  'fe80::/10',
  // Metadata services of other clouds: AWS over IPv6 (metadata, time, Pod identity), Google Cloud over IPv6, Alibaba Cloud, Azure, and
  // the protocol assignments, which contain that of Oracle Cloud.
  'fd00:ec2::/32',
  'fd20:ce::254/128',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.0/24',
  // Teredo hides an IPv4 address, with its bits inverted, in the last 32 bits.
  '2001::/32',
  // Multicast, reserved and broadcast.
  '224.0.0.0/4',
  '240.0.0.0/4',
  'ff00::/8',
];

/** Prefixes under which an IPv6 address stands for the IPv4 address in its last 32 bits: compatible, translated, and two of NAT64. */
const EMBEDDING = ['::', '::ffff:0:', '64:ff9b::', '64:ff9b:1::'];

/** @returns the networks as a BlockList; undefined if one of them is not written as `address/prefix` */
export function networksOf(texts: readonly string[]): BlockList | undefined {
  const list = new BlockList();
  for (const text of texts) {
    const [address = '', bits = '', ...rest] = text.split('/');
    const most = isIPv6(address) ? 128 : 32;
    if (!isIP(address) || !/^\d{1,3}$/.test(bits) || Number(bits) > most || rest.length > 0) return undefined;
    list.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4');
    // BlockList itself handles IPv4 in IPv6 (::ffff:0:0/96).
    if (most === 128) continue;
    for (const prefix of EMBEDDING) list.addSubnet(`${prefix}${address}`, 96 + Number(bits), 'ipv6');
    list.addSubnet(sixToFour(address), 16 + Number(bits), 'ipv6');
  }
  return list;
}

/** The 6to4 address of an IPv4 address, which stands in its bits 16 to 47 (RFC 3056). */
function sixToFour(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  return `2002:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}::`;
}

const forbidden = networksOf(FORBIDDEN) ?? new BlockList();

/** Whether a webhook may be called at an IP address. `allowed` are exceptions to the forbidden networks. */
export function isCallable(address: string, allowed: BlockList): boolean {
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  return allowed.check(address, family) || !forbidden.check(address, family);
}

/** The host of the URL if it is an address at which no webhook may be called. A name is checked at the call, when it is resolved. */
export function uncallableHost(url: string, allowed: BlockList = new BlockList()): string | undefined {
  const host =
    URL.parse(url)
      ?.hostname.replace(/^\[|\]$/g, '')
      .replace(/\.$/, '') ?? '';
  const address = host === 'localhost' || host.endsWith('.localhost') ? '127.0.0.1' : host;
  return isIP(address) && !isCallable(address, allowed) ? host : undefined;
}
