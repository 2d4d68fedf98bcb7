// A process for tests of runProcess: what it does is in FIXTURE.
import { commonConfig } from '../process/common-config.ts';
import { defineConfig, oneOf } from '../process/config.ts';
import { readConfig, runProcess } from '../process/process.ts';

const config = readConfig(
  defineConfig({
    ...commonConfig,
    fixture: oneOf(['orderly', 'hangs', 'crashes', 'rejects', 'fails-to-start'], { meaning: 'what it does' }),
  }),
);
function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

await runProcess({
  app: 'fixture',
  config,
  build: async () => [
    { name: 'first', start: () => say('start first'), stop: () => say('stop first') },
    {
      name: 'second',
      start() {
        // Keeps the process alive, as a server does.
        setInterval(() => {}, 1000);
        if (config.fixture === 'fails-to-start') throw new Error('no start');
        if (config.fixture === 'crashes') setTimeout(() => crash(), 10);
        if (config.fixture === 'rejects') setImmediate(async () => Promise.reject(new Error('nobody owns this')));
        say('start second');
      },
      async stop() {
        say('stop second');
        if (config.fixture === 'hangs') await new Promise(() => {});
      },
    },
  ],
});

function crash(): never {
  throw new Error('crash');
}
