import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OIDCRoleArnCredentialsProvider } from '@alicloud/credentials';
import { messageOf } from '@kuperator/runtime';

/** Signs calls. `securityToken` belongs to temporary keys. */
export type AccessKey = {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string | undefined;
};

/** Where the keys come from; asked before each call, so that they can be rotated without a restart. */
export type CredentialSource = { readonly name: string; read(): Promise<AccessKey> };

export type CredentialSettings = {
  readonly aliyunSlbAkKey?: string | undefined;
  readonly aliyunSlbAkSecret?: string | undefined;
  readonly aliyunSlbStsToken?: string | undefined;
  readonly aliyunCredentialsDir?: string | undefined;
  readonly aliyunStsEndpoint?: string | undefined;
  readonly alibabaCloudRoleArn?: string | undefined;
  readonly alibabaCloudOidcProviderArn?: string | undefined;
  readonly alibabaCloudOidcTokenFile?: string | undefined;
};

/** Files of a mounted Secret are replaced within a minute, so reading them more often gains nothing. */
const FILES_MAX_AGE_MS = 5000;

/**
 * The source that the settings name: files, the environment, or a RAM role for the ServiceAccount, in this order.
 * @throws Error if they name none, or only a part of one
 */
export function credentialSource(settings: CredentialSettings, now: () => number): CredentialSource {
  const { aliyunSlbAkKey: id, aliyunSlbAkSecret: secret, aliyunCredentialsDir: dir } = settings;
  if (dir !== undefined) return fromFiles(dir, now);
  if (id !== undefined || secret !== undefined) {
    if (id === undefined || secret === undefined) {
      const missing = id === undefined ? 'ALIYUN_SLB_AK_KEY' : 'ALIYUN_SLB_AK_SECRET';
      throw new Error(`${missing} is not set: an access key is an id and a secret`);
    }
    const key = { accessKeyId: id, accessKeySecret: secret, securityToken: settings.aliyunSlbStsToken };
    return { name: 'environment', read: () => Promise.resolve(key) };
  }
  return fromServiceAccount(settings);
}

/** Files `access-key-id`, `access-key-secret` and, for temporary keys, `security-token`, as a Secret is mounted. */
function fromFiles(dir: string, now: () => number): CredentialSource {
  let last: { readonly key: Promise<AccessKey>; readonly at: number } | undefined;
  const read = async (): Promise<AccessKey> => {
    const text = async (file: string): Promise<string> => (await readFile(join(dir, file), 'utf8')).trim();
    const optional = (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    };
    const [accessKeyId, accessKeySecret, securityToken] = await Promise.all([
      text('access-key-id'),
      text('access-key-secret'),
      text('security-token').catch(optional),
    ]);
    return { accessKeyId, accessKeySecret, ...(securityToken ? { securityToken } : {}) };
  };
  return {
    name: `files in ${dir}`,
    read() {
      if (!last || now() - last.at >= FILES_MAX_AGE_MS) {
        last = { key: read(), at: now() };
        last.key.catch(() => {
          last = undefined;
        });
      }
      return last.key;
    },
  };
}

function fromServiceAccount(settings: CredentialSettings): CredentialSource {
  const { alibabaCloudRoleArn, alibabaCloudOidcProviderArn, alibabaCloudOidcTokenFile, aliyunStsEndpoint } = settings;
  if (!alibabaCloudRoleArn || !alibabaCloudOidcProviderArn || !alibabaCloudOidcTokenFile) {
    throw new Error(
      'no credentials for the cloud: set ALIYUN_CREDENTIALS_DIR, or ALIYUN_SLB_AK_KEY and ALIYUN_SLB_AK_SECRET, or ALIBABA_CLOUD_ROLE_ARN, ALIBABA_CLOUD_OIDC_PROVIDER_ARN and ALIBABA_CLOUD_OIDC_TOKEN_FILE',
    );
  }
  // The vendor's provider renews the keys before they expire, and reads the token file each time.
  const builder = OIDCRoleArnCredentialsProvider.builder()
    .withRoleArn(alibabaCloudRoleArn)
    .withOIDCProviderArn(alibabaCloudOidcProviderArn)
    .withOIDCTokenFilePath(alibabaCloudOidcTokenFile)
    .withRoleSessionName('kuperator-aliyun-slb-adapter');
  if (aliyunStsEndpoint) builder.withStsEndpoint(aliyunStsEndpoint);
  const provider = builder.build();
  return {
    name: `RAM role ${alibabaCloudRoleArn}`,
    async read() {
      try {
        const { accessKeyId = '', accessKeySecret = '', securityToken } = await provider.getCredentials();
        return { accessKeyId, accessKeySecret, securityToken };
      } catch (cause) {
        throw new Error(`no keys for RAM role ${alibabaCloudRoleArn}: ${messageOf(cause)}`, { cause });
      }
    },
  };
}
