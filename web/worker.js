// Runs the module away from the page, so that the page never freezes. It gets bytes and gives back lines.
'use strict';
let module, memory, started = 0;

const imports = {
  rr: {
    random(at, count) {
      // The browser gives 65,536 bytes at a time.
      for (let done = 0; done < count; done += 65536) {
        crypto.getRandomValues(new Uint8Array(memory.buffer, (at >>> 0) + done, Math.min(65536, count - done)));
      }
    },
    abort() { throw new Error('abort'); },
  },
};

const put = (bytes) => {
  const at = module.rr_alloc(Math.max(bytes.length, 1)) >>> 0;
  if (at === 0) throw new Error('memory');
  new Uint8Array(memory.buffer, at, bytes.length).set(bytes);
  return at;
};

const take = (at) => {
  const block = at >>> 0, count = new DataView(memory.buffer).getUint32(block, true);
  const text = new TextDecoder().decode(new Uint8Array(memory.buffer, block + 4, count));
  module.rr_free(block);
  return JSON.parse(text);
};

// The module is packed as browsers unpack it by themselves.
const unpack = async (packed) => {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

const utf8 = (text) => new TextEncoder().encode(text);

const actions = {
  async start({ bytes }) {
    started = performance.now();
    const { instance } = await WebAssembly.instantiate(await unpack(bytes), imports);
    module = instance.exports;
    memory = module.memory;
    return { ready: performance.now() - started };
  },
  async verify({ file, id, exact, language, texts }) {
    const words = utf8(JSON.stringify(texts));
    if (module.rr_speak(put(words), words.length, language === 'en' ? 0 : 1) === 0) throw new Error('texts');
    const bytes = new Uint8Array(await file.arrayBuffer()), wanted = utf8(id);
    const start = performance.now();
    const result = take(module.rr_verify(
      put(bytes), bytes.length, put(wanted), wanted.length, exact ? 1 : 0, Date.now() / 1000));
    return { ...result, took: performance.now() - start, memory: memory.buffer.byteLength };
  },
};

onmessage = async ({ data }) => {
  try {
    postMessage({ number: data.number, value: await actions[data.action](data) });
  } catch (error) {
    postMessage({ number: data.number, error: String(error) });
  }
};
