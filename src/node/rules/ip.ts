/** Whether this is a dotted IPv4 address. */
export function isIPv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** Whether this is an IPv6 address without a zone. */
export function isIPv6(text: string): boolean {
  return /^[0-9a-fA-F:.]+$/.test(text) && text.includes(':') && URL.canParse(`http://[${text}]/`);
}

/** Whether this is an IP address. */
export function isIP(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

/** One spelling for each address; a zone (`%eth0`) is cut off. Other text comes back as it is. */
export function canonicalIP(ip: string): string {
  const bare = ip.split('%')[0]!;
  return isIPv6(bare) ? new URL(`http://[${bare}]/`).hostname.slice(1, -1) : bare;
}

/** `0.0.0.0` or `::` in any spelling. */
export function isUnspecified(ip: string): boolean {
  return ip === '0.0.0.0' || canonicalIP(ip) === '::';
}
