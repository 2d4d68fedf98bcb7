import { aService } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { allowedBalancers } from './allowed-balancers.ts';
import { LOAD_BALANCER_ID } from './settings.ts';

const service = (namespace: string, id: string) =>
  aService({ metadata: { namespace, name: 'web', annotations: { [LOAD_BALANCER_ID]: id } } });

test.each([
  { setting: '', allowed: [] },
  { setting: '*/*', allowed: ['shop/lb-1', 'shop/lb-2', 'bank/lb-1'] },
  { setting: 'shop/lb-1', allowed: ['shop/lb-1'] },
  { setting: 'shop/*, bank/lb-1', allowed: ['shop/lb-1', 'shop/lb-2', 'bank/lb-1'] },
  { setting: '*/lb-1', allowed: ['shop/lb-1', 'bank/lb-1'] },
])('"$setting" allows $allowed', ({ setting, allowed }) => {
  const mayManage = allowedBalancers(setting);
  const all = ['shop/lb-1', 'shop/lb-2', 'bank/lb-1'];
  expect(
    all.filter((entry) => {
      const [namespace = '', id = ''] = entry.split('/');
      return mayManage(service(namespace, id));
    }),
  ).toEqual(allowed);
});

test.each(['shop', 'shop/lb-1/x', 'Shop/lb-1', 'shop/lb 1'])('"%s" is refused by name', (setting) => {
  expect(() => allowedBalancers(setting)).toThrow(`ALIYUN_MANAGED_LOAD_BALANCERS has ${JSON.stringify(setting)}`);
});
