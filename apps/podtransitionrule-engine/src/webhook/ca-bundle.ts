import { X509Certificate } from 'node:crypto';

/**
 * PEM certificates out of base64, which is how a rule carries them; undefined when there are none (`Cg==` is a newline).
 * @throws Error saying what is wrong
 */
export function certificatesIn(caBundle: string | undefined): string | undefined {
  const text = (caBundle ?? '').replace(/\s+/g, '');
  if (!BASE64.test(text)) throw new Error('is not base64');
  const pem = Buffer.from(text, 'base64').toString('utf8').trim();
  if (pem === '') return undefined;
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length === 0) throw new Error('holds no PEM certificate');
  for (const block of blocks) {
    try {
      new X509Certificate(block);
    } catch (cause) {
      throw new Error('holds a certificate that cannot be read', { cause });
    }
  }
  return blocks.join('\n');
}

const BASE64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
