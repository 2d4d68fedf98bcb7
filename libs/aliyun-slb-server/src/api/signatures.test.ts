import { expect, test } from 'vitest';
import { signatureV1 } from './signature-v1.ts';
import { canonicalHash, headersToSign, parseAuthorizationV3, sha256, signatureV3 } from './signature-v3.ts';

const EMPTY = Buffer.alloc(0);

const vendorSample = {
  method: 'POST',
  url: '/?ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai',
  headers: {
    host: 'ecs.cn-shanghai.aliyuncs.com',
    'x-acs-action': 'RunInstances',
    'x-acs-version': '2014-05-26',
    'x-acs-date': '2023-10-26T10:22:32Z',
    'x-acs-signature-nonce': '3156853299f313e23d1673dc12e1703d',
    'x-acs-content-sha256': sha256(EMPTY),
    accept: 'application/json',
  },
  body: EMPTY,
};

const ownSample = {
  method: 'POST',
  url: '/?RegionId=cn-hangzhou&LoadBalancerId=lb-test',
  headers: {
    host: 'slb.aliyuncs.com',
    'x-acs-action': 'DescribeHealthStatus',
    'x-acs-version': '2014-05-15',
    'x-acs-date': '2024-01-02T03:04:05Z',
    'x-acs-signature-nonce': 'nonce-1',
    'x-acs-content-sha256': sha256(EMPTY),
  },
  body: EMPTY,
};

test.each([
  {
    name: "the vendor's public sample",
    request: vendorSample,
    secret: 'YourAccessKeySecret',
    signature: '06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0',
  },
  {
    name: 'a call of CLB',
    request: ownSample,
    secret: 'testsecret',
    signature: 'bf15f114971582718539d4b2eb2aacdb3bd1d633cd285db126cb14ed702c2f24',
  },
])('computes signature v3 of $name', ({ request, secret, signature }) => {
  expect(signatureV3(request, secret, headersToSign(request))).toBe(signature);
});

test('computes the hash of the canonical request of v3', () => {
  expect(canonicalHash(ownSample, headersToSign(ownSample))).toBe(
    '41a6087fee0c0d79bde86bf366012b5e1a85fc1872be9a641360bc73ab015ca1',
  );
});

test('signs the content type of a form body, and nothing outside the signed headers', () => {
  const form = { ...ownSample, headers: { ...ownSample.headers, 'content-type': 'application/x-www-form-urlencoded' } };
  expect(headersToSign(form)).toContain('content-type');
  expect(headersToSign(vendorSample)).not.toContain('accept');
});

test('reads the header of v3, and refuses that of another algorithm', () => {
  expect(parseAuthorizationV3('ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host;x-acs-date,Signature=0a')).toEqual({
    accessKeyId: 'id',
    signedHeaders: ['host', 'x-acs-date'],
    signature: '0a',
  });
  expect(parseAuthorizationV3('acs id:signature')).toBeUndefined();
});

test.each([
  {
    name: "the vendor's public sample",
    method: 'GET',
    parameters: {
      Action: 'DescribeRegions',
      Format: 'XML',
      SignatureNonce: '3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf',
      Timestamp: '2016-02-23T12:46:24Z',
      Version: '2014-05-26',
    },
    signature: 'OLeaidS1JvxuMvnyHOwuJ+uX5qY=',
  },
  {
    name: 'a call of CLB',
    method: 'POST',
    parameters: {
      Action: 'DescribeHealthStatus',
      Format: 'json',
      LoadBalancerId: 'lb-test',
      RegionId: 'cn-hangzhou',
      SignatureNonce: 'nonce-1',
      Timestamp: '2024-01-02T03:04:05Z',
      Version: '2014-05-15',
    },
    signature: 'yI915qfDqw+I8gJy74q9FHlIXNA=',
  },
])('computes signature v1 of $name', ({ method, parameters, signature }) => {
  const signing = {
    AccessKeyId: 'testid',
    SignatureMethod: 'HMAC-SHA1',
    SignatureVersion: '1.0',
    Signature: 'ignored',
  };
  expect(signatureV1(method, Object.entries({ ...signing, ...parameters }), 'testsecret')).toBe(signature);
});
