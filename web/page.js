'use strict';
// Draws what the module says, and knows no rule of the protocol. Everything is put into the page as text.
(() => {
  const $ = (id) => document.getElementById(id);
  const languages = { en: 'en', 'zh-Hans': 'zh' };
  let texts, language, worker, file, running = 0;

  const prefersChinese = () => {
    const first = (navigator.languages || [navigator.language || 'en']).find((tag) => /^(en|zh)\b/i.test(tag));
    return first !== undefined && /^zh/i.test(first);
  };

  const words = (key, values = {}) =>
    texts[language][key].replace(/\{([a-z]+)\}/g, (whole, name) => (name in values ? values[name] : whole));

  const speak = (wanted) => {
    language = wanted;
    const root = document.documentElement;
    root.lang = wanted;
    root.className = languages[wanted];
    document.title = words("web.title") + ' · Round Robin';
    for (const button of document.querySelectorAll('[data-language]')) {
      button.setAttribute('aria-pressed', String(button.dataset.language === wanted));
    }
  };

  // MARK: The worker

  const start = () => {
    const bytes = Uint8Array.from(atob($('module').textContent), (c) => c.charCodeAt(0));
    const url = URL.createObjectURL(new Blob([$('worker').textContent], { type: 'text/javascript' }));
    const made = new Worker(url);
    const waiting = new Map();
    let next = 0;
    const fail = (why) => { for (const [, reject] of waiting.values()) reject(new Error(why)); waiting.clear(); };
    made.onmessage = ({ data }) => {
      const [resolve, reject] = waiting.get(data.number) || [];
      waiting.delete(data.number);
      if (resolve) data.error ? reject(new Error(data.error)) : resolve(data.value);
    };
    made.onerror = (event) => { event.preventDefault(); fail('worker'); };
    const ask = (action, values) => new Promise((resolve, reject) => {
      waiting.set(++next, [resolve, reject]);
      made.postMessage({ number: next, action, ...values });
    });
    const ready = ask('start', { bytes });
    // Whoever waits for it hears of a failure; nobody may.
    ready.catch(() => {});
    return {
      ask, ready,
      stop() { made.terminate(); URL.revokeObjectURL(url); fail('stopped'); },
    };
  };

  // MARK: Lines

  // U+0001 and a letter begin a stretch that U+0002 ends; U+2068 and U+2069 stand around others' words.
  const fill = (element, text) => {
    const open = [element];
    for (const part of text.split(/(\u0001[bgr]|\u0002|\u2068|\u2069|[█▒░·]{24})/)) {
      const top = open[open.length - 1];
      if (part === '\u0002' || part === '\u2069') { if (open.length > 1) open.pop(); }
      else if (part === '\u2068' || part[0] === '\u0001') {
        const inner = document.createElement(part === '\u2068' ? 'bdi' : part[1] === 'b' ? 'strong' : 'span');
        if (part[1] === 'g') inner.className = 'good';
        if (part[1] === 'r') inner.className = 'bad';
        top.append(inner);
        open.push(inner);
      } else if (/^·{24}$/.test(part)) {
        // A figure that is not said has no bar: an empty one would say none.
      } else if (/^[█▒░]{24}$/.test(part)) {
        const bar = document.createElement('span'), cells = (sign) => part.split(sign).length - 1;
        bar.className = 'bar';
        bar.setAttribute('aria-hidden', 'true');
        bar.style.setProperty('--full', cells('█') / 0.24 + '%');
        bar.style.setProperty('--reach', (cells('█') + cells('▒')) / 0.24 + '%');
        top.append(bar);
      } else if (part) top.append(part);
    }
    return element;
  };

  const draw = (lines, outcome) => {
    const page = document.createDocumentFragment();
    let list = null;
    const into = (name) => {
      if (!list || list.localName !== name) { list = document.createElement(name); page.append(list); }
      return list;
    };
    lines.forEach((line, place) => {
      const text = line.replace(/^ +/, ''), tab = text.indexOf('\t');
      const indent = line.length > text.length;
      if (text === '') { list = null; return; }
      if (tab >= 0) {
        const rows = into('dl'), value = fill(document.createElement('dd'), text.slice(tab + 1).trim());
        rows.append(fill(document.createElement('dt'), text.slice(0, tab)), value);
        return;
      }
      if (text.startsWith('· ')) { into('ul').append(fill(document.createElement('li'), text.slice(2))); return; }
      list = null;
      const head = text.startsWith('\u0001b') && text.endsWith('\u0002');
      const element = fill(document.createElement(head ? 'h3' : 'p'), head ? text.slice(2, -1) : text);
      if (indent) element.className = 'indent';
      if (/^\u0001[gr]/.test(text) && (place === 0 || place === lines.length - 1)) element.classList.add('verdict');
      page.append(element);
    });
    $('lines').replaceChildren(page);
    $('result').dataset.outcome = outcome;
    $('result').hidden = false;
  };

  // MARK: Verifying

  const busy = (is) => {
    $('progress').hidden = $('cancel').hidden = !is;
    $('again').disabled = is || !file;
    $('result').setAttribute('aria-busy', String(is));
  };

  const verify = async () => {
    if (!file) return;
    const number = ++running;
    // A new file, or the same in other words, ends what is running.
    if (!$('progress').hidden) { worker.stop(); worker = start(); }
    $('result').hidden = true;
    delete $('result').dataset.outcome;
    busy(true);
    const began = Date.now();
    const tell = () => {
      const seconds = Math.round((Date.now() - began) / 1000);
      $('status').textContent = words("web.verifying", { file: file.name, seconds: String(seconds) });
    };
    tell();
    // Seldom, because a screen reader says each.
    const clock = setInterval(tell, 5000);
    try {
      await worker.ready;
      const result = await worker.ask('verify', {
        file, id: $('id').value, exact: $('exact').checked, language, texts: texts[language],
      });
      if (number !== running) return;
      draw(result.lines, result.outcome);
      $('result-file').textContent = words("web.about", { file: file.name });
      $('result').dataset.took = result.took;
      $('result').dataset.memory = result.memory;
      $('status').textContent = result.outcome === 'holds' ? words("web.doneHolds")
        : result.outcome === 'faults' ? words("web.doneFaults") : words("web.doneOther");
      $('result').focus({ preventScroll: true });
      $('result').scrollIntoView({ block: 'start' });
    } catch (error) {
      if (number !== running) return;
      // The module has stopped in the middle of something: it is not asked again.
      worker.stop();
      worker = start();
      draw([words("web.failed")], 'failed');
      $('status').textContent = words("web.doneOther");
    } finally {
      clearInterval(clock);
      if (number === running) busy(false);
    }
  };

  const cancel = () => {
    running += 1;
    worker.stop();
    worker = start();
    busy(false);
    $('status').textContent = words("web.cancelled");
  };

  const choose = (chosen) => {
    if (!chosen) return;
    file = chosen;
    verify();
  };

  const listen = () => {
    $('file').addEventListener('change', () => choose($('file').files[0]));
    $('form').addEventListener('submit', (event) => { event.preventDefault(); verify(); });
    $('exact').addEventListener('change', verify);
    // A verdict about another id than the one that stands there says nothing.
    $('id').addEventListener('input', () => { $('result').hidden = true; $('status').textContent = ''; });
    $('cancel').addEventListener('click', cancel);
    addEventListener('dragover', (event) => { event.preventDefault(); $('drop').classList.add('over'); });
    addEventListener('dragleave', () => $('drop').classList.remove('over'));
    addEventListener('drop', (event) => {
      event.preventDefault();
      $('drop').classList.remove('over');
      choose(event.dataTransfer.files[0]);
    });
  };

  addEventListener('DOMContentLoaded', async () => {
    texts = JSON.parse($('texts').textContent);
    speak(prefersChinese() ? 'zh-Hans' : 'en');
    $('languages').hidden = false;
    for (const button of document.querySelectorAll('[data-language]')) {
      button.addEventListener('click', () => {
        speak(button.dataset.language);
        $('status').textContent = '';
        verify();
      });
    }
    if (typeof WebAssembly !== 'object') return;
    try {
      worker = start();
      const { ready } = await worker.ready;
      document.documentElement.dataset.ready = ready;
    } catch {
      // The notice stays.
      return;
    }
    listen();
    $('notice').hidden = true;
    $('form').hidden = false;
  });
})();
