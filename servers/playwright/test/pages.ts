// Large pages, frames, what actions report, targets by label and text, and ordinary jobs: keys, dialogs, several options, a signed-in browser.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from '../../../test/runner/harness.ts'
import { storageStates } from '../config.ts'
import type { TestBrowser } from './browsers.ts'
import { pages, type Setup, type Site, type Wire, withSite, withWire } from './client.ts'

const timeoutMs = 90_000

/** A link and a button in each row. */
function table(rows: number): string {
  const cells = Array.from(
    { length: rows },
    (_, i) => `<tr><td>${i}<td><a href="/row/${i}">Row ${i}</a><td><button>Edit</button>`,
  )
  return `<!doctype html><title>Rows</title><form><label>User name <input name=user></label></form><table id=t><tr><th>Id<th>Name<th>Do${cells.join('')}</table>`
}

export function pageTests(browser: TestBrowser): void {
  const page = (
    name: string,
    content: Parameters<typeof pages>[0],
    use: (wire: Wire, site: Site) => Promise<void>,
    setup: Setup = {},
  ): void =>
    test.unless(browser.skip)(
      `${browser.name}: ${name}`,
      () =>
        withSite(pages(content), async (site) => {
          const config = {
            PLAYWRIGHT_EXECUTABLE_PATH: await browser.path(),
            PLAYWRIGHT_ALLOW_PRIVATE: [site.opening],
            ...setup.config,
          }
          await withWire({ ...setup, config }, async (wire) => {
            await wire.call('navigate', { url: site.url })
            await use(wire, site)
          })
        }),
      { timeoutMs },
    )

  page('a page of 5,000 rows is read, listed and searched, and keeps its form', { '/': table(5_000) }, async (wire) => {
    assert.equal((await wire.call('fill', { selector: 'User name', value: 'Ada' })).isError, false)
    const listed = await wire.call('get_content', { format: 'interactive' })
    assert.match(listed.data, /^input\[name="user"\]\ttextbox "User name"$/m)
    assert.match(listed.data, /^… 9941 others; a selector for a part of the page lists those in it$/m)
    assert.match(listed.data, /\tbutton "Edit"\tin "0 Row 0 Edit"/)
    for (const format of ['markdown', 'snapshot', 'text']) {
      const { structured, next } = await wire.call('get_content', { format })
      assert.ok(structured.total_chars > 50_000, `${format}: ${structured.total_chars}`)
      const second = await wire.call('get_content', next)
      assert.equal(second.structured.content.slice(0, 1) !== '\n', true)
    }
    const missing = await wire.call('click', { selector: 'role=button[name="Edti"]' })
    assert.match(missing.text, /^ERROR NOT_FOUND: .*Actionable now: .* in "0 Row 0 Edit"/)
    assert.doesNotMatch(missing.text, /TRY: \{/, 'no one of equal buttons is suggested')
    assert.match(
      (await wire.call('click', { selector: 'role=button[name="Edit"]' })).text,
      /^ERROR INVALID_ARGUMENT: 5000 elements match/,
    )
    const { structured } = await wire.call('evaluate', { script: 'document.querySelector("input").value' })
    assert.equal(structured.json, '"Ada"')
  })

  const half = table(2_000).slice(table(2_000).indexOf('<table'))
  page(
    'markdown of a table takes time in proportion to its rows',
    { '/': table(4_000), '/half': half },
    async (wire, { url }) => {
      const best = async (): Promise<number> => {
        const times: number[] = []
        for (let round = 0; round < 5; round++) {
          const began = performance.now()
          assert.match((await wire.call('get_content')).text, /^markdown of /)
          times.push(performance.now() - began)
        }
        return Math.min(...times)
      }
      const whole = await best()
      await wire.call('navigate', { url: `${url}/half` })
      const part = await best()
      assert.ok(whole < part * 6, `${Math.round(whole)} ms for 4,000 rows, ${Math.round(part)} ms for 2,000`)
    },
  )

  page(
    'a search that the page does not finish in time is stopped, and the page and its form remain',
    { '/': `${table(12_000)}` },
    async (wire) => {
      await wire.call('fill', { selector: 'input', value: 'Ada' })
      await wire.call('wait_for_selector', { selector: 'role=button[name="Edti"]', timeout_ms: 500 })
      const { structured, text } = await wire.call('evaluate', { script: 'document.querySelector("input").value' })
      assert.equal(structured.json, '"Ada"', text)
    },
  )

  const card =
    "<!doctype html><title>Card</title><p>Number below</p><label>Number <input name=number></label><button onclick=\"out.textContent = 'Paid ' + document.querySelector('input').value\">Pay</button><p id=out></p>"
  page(
    'fields in frames are listed, read, filled and clicked',
    {
      '/': '<title>Shop</title><h1>Checkout</h1><iframe id=pay src="/outer"></iframe><button>Outside</button>',
      '/outer': '<iframe title="Card number" src="/card" width=400 height=300></iframe>',
      '/card': card,
    },
    async (wire) => {
      const { data } = await wire.call('get_content', { format: 'interactive' })
      const selector = /^(.*input.*)\ttextbox "Number"/m.exec(data)?.[1] ?? ''
      assert.match(selector, /^iframe#pay >> iframe\[title="Card number"\] >> input\[name="number"\]$/, data)
      const filled = await wire.call('fill', { selector, value: '4111' })
      assert.equal(filled.isError, false, filled.text)
      const paid = await wire.call('click', { selector: /^(.*Pay.*?)\t/m.exec(data)?.[1] ?? '' })
      assert.match(paid.data, /^new: Paid 4111$/m)
      const frame = selector.replace(/ >> input.*/, '')
      assert.match(
        (await wire.call('get_content')).data,
        /# Checkout[\s\S]*\[frame iframe#pay >> iframe\[title="Card number"\]\]\nNumber below/,
      )
      assert.match((await wire.call('get_content', { selector: frame })).data, /^Number below/)
      const inside = await wire.call('get_content', { selector: `${frame} >> label`, format: 'interactive' })
      assert.match(inside.data, /^iframe#pay >> iframe\[title="Card number"\] >> input\[name="number"\]\ttextbox "Number"$/m)
      assert.match((await wire.call('wait_for_selector', { selector: `${frame} >> #out` })).data, /Paid 4111/)
      assert.equal((await wire.call('screenshot', { selector: `${frame} >> button` })).isError, false)
      assert.match((await wire.call('click', { selector: 'Pay' })).data, /^clicked button "Pay"/)
    },
  )

  test.unless(browser.skip)(
    `${browser.name}: a field in a frame of another site is listed, filled and clicked`,
    () =>
      withSite(
        pages({
          '/': (req, res) => {
            res.setHeader('content-type', 'text/html')
            res.end(`<h1>Checkout</h1><iframe id=pay src="http://localhost:${req.socket.localPort}/card"></iframe>`)
          },
          '/card': card,
        }),
        async (site) => {
          const { port } = new URL(site.url)
          const executable = await browser.path()
          const config = { PLAYWRIGHT_EXECUTABLE_PATH: executable, PLAYWRIGHT_ALLOW_PRIVATE: [site.opening, `localhost:${port}`] }
          await withWire({ config }, async (wire) => {
            await wire.call('navigate', { url: site.url })
            const { data } = await wire.call('get_content', { format: 'interactive' })
            const selector = /^(.*input.*)\ttextbox "Number"/m.exec(data)?.[1] ?? ''
            assert.match(selector, /^iframe#pay >> input\[name="number"\]$/, data)
            assert.equal((await wire.call('fill', { selector, value: '4111' })).isError, false)
            assert.match((await wire.call('click', { selector: 'iframe#pay >> button' })).data, /^new: Paid 4111$/m)
            assert.match((await wire.call('get_content')).data, /\[frame iframe#pay\]\nNumber below/)
          })
        },
      ),
    { timeoutMs },
  )

  page(
    'shadow roots are part of the text',
    {
      '/': '<p>before</p><div id=host>slotted</div><script>host.attachShadow({ mode: "open" }).innerHTML = "<p>in shadow</p><slot></slot>"</script>',
    },
    async (wire) => {
      assert.equal((await wire.call('get_content', { format: 'text' })).data, 'before\n\nin shadow\n\nslotted')
    },
  )

  page(
    'fill reports what a field made of the value, and leaves the old one where it was not taken',
    {
      '/': `<label>Day <input type=date id=day value="2026-01-01"></label><input type=range id=range min=0 max=10 step=5 value=5>
        <input id=short maxlength=4><input type=password id=pw maxlength=4><input id=upper oninput="this.value = this.value.toUpperCase()"><input type=number id=n>`,
    },
    async (wire) => {
      const value = async (id: string): Promise<unknown> =>
        (await wire.call('evaluate', { script: `document.getElementById('${id}').value` })).structured.json
      const day = await wire.call('fill', { selector: '#day', value: '24.12.2026' })
      assert.match(day.text, /^ERROR INVALID_ARGUMENT: the date field did not take the value; it still holds "2026-01-01"/)
      assert.equal(await value('day'), '"2026-01-01"')
      const better = JSON.parse(/TRY: (\{.*\})$/.exec(day.text)?.[1] ?? '')
      assert.deepEqual(better, { selector: '#day', value: '2026-12-24' })
      assert.equal((await wire.call('fill', better)).isError, false)
      assert.equal(await value('day'), '"2026-12-24"')
      const range = await wire.call('fill', { selector: '#range', value: '9' })
      assert.match(
        range.text,
        /^ERROR INVALID_ARGUMENT: the range field did not take the value: it takes 0 to 10 in steps of 5.*TRY: .*"value":"10"/,
      )
      assert.equal(await value('range'), '"5"')
      const number = await wire.call('fill', { selector: '#n', value: 'many' })
      assert.match(number.text, /^ERROR INVALID_ARGUMENT: .*TRY: a value for HTML's <input type="number">$/s)
      assert.match(
        (await wire.call('fill', { selector: '#short', value: '123456' })).text,
        /NOTE: the field holds "1234" now.*maxlength 4/,
      )
      const secret = await wire.call('fill', { selector: '#pw', value: 'hunter2' })
      assert.match(secret.text, /NOTE: the field holds 4 characters now/)
      assert.doesNotMatch(secret.text, /hunt/)
      assert.match((await wire.call('fill', { selector: '#upper', value: 'ada' })).text, /NOTE: the field holds "ADA" now/)
      assert.doesNotMatch((await wire.call('fill', { selector: '#upper', value: 'ADA' })).text, /NOTE/)
    },
  )

  page(
    'boxes of one character each are filled key by key',
    {
      '/': `${'<input maxlength=1 class=otp>'.repeat(4)}<script>
        const boxes = [...document.querySelectorAll('.otp')]
        for (const [i, box] of boxes.entries()) box.oninput = () => { if (box.value) boxes[i + 1]?.focus() }
        addEventListener('keydown', () => {})</script>`,
    },
    async (wire) => {
      const once = await wire.call('fill', { selector: '.otp >> nth=0', value: '1234' })
      assert.match(once.text, /NOTE: the field holds "1" now.*slowly: true/)
      await wire.call('evaluate', { script: 'for (const box of document.querySelectorAll(".otp")) box.value = ""; return 0' })
      await wire.call('fill', { selector: '.otp >> nth=0', value: '1234', slowly: true })
      const { structured } = await wire.call('evaluate', {
        script: '[...document.querySelectorAll(".otp")].map((box) => box.value).join("")',
      })
      assert.equal(structured.json, '"1234"')
    },
  )

  page(
    'an action reports the text that appeared and went, also after a request and when a dialog box opens',
    {
      '/': `<ul><li>Milk <button onclick="this.parentElement.remove()">Delete milk</button></li></ul><div id=box style="display:none">Really?</div>
        <button onclick="box.style.display = 'block'">Open</button><button onclick="fetch('/slow').then((r) => r.text()).then((t) => out.textContent = t)">Load</button><p id=out></p>
        <button>Nothing</button><search><p>in it</p><button>Search</button></search>`,
      '/slow': (_req, res) => void setTimeout(() => res.end('Loaded at last'), 500),
    },
    async (wire) => {
      assert.match((await wire.call('click', { selector: 'Delete milk' })).data, /^gone: Milk/m)
      assert.match((await wire.call('click', { selector: 'text=Open' })).data, /^new: Really\?$/m)
      const loaded = await wire.call('click', { selector: 'role=button[name="Load"]' })
      assert.match(loaded.data, /^new: Loaded at last$/m)
      assert.deepEqual([loaded.structured.appeared, loaded.structured.navigated], [['Loaded at last'], false])
      assert.match(
        (await wire.call('click', { selector: 'Nothing' })).text,
        /^done; neither address nor text of the page changed/,
      )
    },
  )

  page(
    'a missed wait shows what is there, and a text can be waited for',
    {
      '/': `<a href="/1">One</a><a href="/2">Two</a><p id=state>Saving</p><script>setTimeout(() => state.textContent = 'Could not save: disk full', 700)</script>`,
    },
    async (wire) => {
      const missed = await wire.call('wait_for_selector', { selector: '#saved', timeout_ms: 1_500 })
      assert.match(missed.text, /^ERROR TIMEOUT: "#saved" was not visible within 1500 ms; .*Could not save: disk full/)
      assert.doesNotMatch(missed.text, /TRY: one of|\n/)
      const found = await wire.call('wait_for_selector', { text: 'disk full' })
      assert.match(found.text, /^the text "disk full" is visible, after \d+ ms/)
      assert.match(found.data, /Could not save: disk full/)
      assert.match(
        (await wire.call('wait_for_selector', { text: 'Saving', state: 'hidden' })).text,
        /is hidden.*[\s\S]*NOTE: it was not there/,
      )
      assert.match(
        (await wire.call('wait_for_selector', { text: 'Nope', timeout_ms: 500 })).text,
        /^ERROR TIMEOUT: the text "Nope" was not visible/,
      )
      assert.match((await wire.call('wait_for_selector', {})).text, /^ERROR INVALID_ARGUMENT: neither "selector" nor "text"/)
    },
  )

  page(
    'of several matches each is told by its row, and none is suggested; the only visible one is',
    {
      '/': `<table>${['Ada', 'Grace'].map((name) => `<tr><td>${name}<td><button>Remove</button>`).join('')}</table>
        <button class=two style="display:none">Send</button><button class=two>Send</button>
        <div class=card><h3>Basic</h3><div><span>Details</span> <button>Buy</button></div></div><div class=card><h3>Pro</h3><div><span>Details</span> <button>Buy</button></div></div>`,
    },
    async (wire) => {
      for (const selector of ['role=button[name="Remove"]', 'Remove']) {
        const { text } = await wire.call('click', { selector })
        assert.match(text, /^ERROR INVALID_ARGUMENT: 2 elements match .*"Remove" in "Ada Remove".*"Remove" in "Grace Remove"/)
        assert.doesNotMatch(text, /TRY: \{/)
      }
      const two = await wire.call('click', { selector: '.two' })
      assert.match(two.text, /"Send" \(hidden\)/)
      assert.equal((await wire.call('click', JSON.parse(/TRY: (\{.*\})$/.exec(two.text)?.[1] ?? ''))).isError, false)
      assert.match((await wire.call('click', { selector: 'Buy' })).text, /in "Basic Details Buy".*in "Pro Details Buy"/)
      assert.match((await wire.call('get_content', { format: 'interactive' })).data, /button "Buy"\tin "Pro Details Buy"/)
    },
  )

  page(
    'clickables without a link are listed, and switches are set',
    {
      '/': `<style>.go { cursor: pointer }</style><div class=go id=tile>Tile</div><a id=bare>Bare link</a>
        <div role=switch aria-checked=false tabindex=0 onclick="this.setAttribute('aria-checked', this.getAttribute('aria-checked') !== 'true')">Night mode</div>
        <div role=checkbox aria-checked=true tabindex=0 aria-label="Mail" onclick="this.setAttribute('aria-checked', this.getAttribute('aria-checked') !== 'true')">@</div>`,
    },
    async (wire) => {
      const { data } = await wire.call('get_content', { format: 'interactive' })
      assert.match(data, /^#tile\tclickable "Tile"$/m)
      assert.match(data, /^#bare\tclickable "Bare link"$/m)
      assert.equal((await wire.call('fill', { selector: 'Night mode', value: 'true' })).isError, false)
      assert.equal((await wire.call('fill', { selector: 'Mail', value: 'false' })).isError, false)
      const { structured } = await wire.call('evaluate', {
        script: '[...document.querySelectorAll("[aria-checked]")].map((el) => el.ariaChecked)',
      })
      assert.equal(structured.json, '["true","false"]')
      assert.match((await wire.call('fill', { selector: '#tile', value: 'x' })).text, /^ERROR INVALID_ARGUMENT: /)
    },
  )

  page(
    'dialogs are answered, keys pressed, several options chosen',
    {
      '/': `<button onclick="out.textContent = confirm('Sure?') ? 'sure' : 'unsure'">Ask</button><button onclick="out.textContent = 'Hello ' + prompt('Name?')">Name</button><p id=out></p>
        <select multiple id=colors><option>Red<option>Green<option>Blue</select>
        <input id=keys onkeydown="out.textContent += ' ' + event.key">`,
    },
    async (wire) => {
      const sure = await wire.call('click', { selector: 'Ask', dialog: 'accept' })
      assert.match(sure.text, /new: sure[\s\S]*NOTE: a dialog \(confirm\) was accepted: "Sure\?"/)
      assert.match((await wire.call('click', { selector: 'Ask' })).text, /new: unsure[\s\S]*was dismissed/)
      assert.match((await wire.call('click', { selector: 'role=button[name="Name"]', dialog: 'Ada' })).data, /^new: Hello Ada$/m)
      const chosen = await wire.call('fill', { selector: '#colors', value: 'Red\nBlue' })
      assert.match(chosen.data, /^chose in select: "Red", "Blue"/)
      const { structured } = await wire.call('evaluate', { script: '[...colors.selectedOptions].map((each) => each.label)' })
      assert.equal(structured.json, '["Red","Blue"]')
      assert.match(
        (await wire.call('fill', { selector: '#colors', value: 'Red\nPink' })).text,
        /^ERROR NOT_FOUND: there is no option "Pink"/,
      )
      const keys = await wire.call('fill', { selector: '#keys', press: 'Escape ArrowDown' })
      assert.match(keys.data, /pressed Escape ArrowDown[\s\S]*new: .*Escape ArrowDown/)
      assert.match(
        (await wire.call('fill', { selector: '#keys', press: 'Wrong' })).text,
        /^ERROR INVALID_ARGUMENT: "Wrong" is not a key/,
      )
      assert.match((await wire.call('fill', { selector: '#keys' })).text, /^ERROR INVALID_ARGUMENT: neither "value" nor "press"/)
    },
  )

  page(
    'windows that close themselves, file choosers and downloads are noted in the call that caused them',
    {
      '/': `<button onclick="window.open('/popup')">Window</button><input type=file id=file><a id=blob download="a.txt">Blob</a><a id=data href="/data">Data</a>
        <script>blob.href = URL.createObjectURL(new Blob(['x']))</script>`,
      '/popup': '<title>Popup</title><button onclick="window.close()">Done</button>',
      '/data': (_req, res) => res.writeHead(200, { 'content-disposition': 'attachment; filename="data.bin"' }).end('x'),
    },
    async (wire) => {
      assert.match((await wire.call('click', { selector: 'Window' })).text, /NOTE: the page opened a new window/)
      const closed = await wire.call('click', { selector: 'Done' })
      assert.match(closed.text, /^done; [\s\S]*NOTE: the window was closed/)
      assert.match((await wire.call('click', { selector: '#file' })).text, /NOTE: a file chooser was opened/)
      assert.match((await wire.call('click', { selector: '#blob' })).text, /NOTE: a download was refused: "a\.txt"/)
      assert.match((await wire.call('click', { selector: '#data' })).text, /NOTE: a download was refused: "data\.bin"/)
    },
  )

  page(
    'the scripts of the README drag and upload',
    {
      '/': `<div id=card draggable=true ondragstart="event.dataTransfer.setData('text', 'card')">Card</div>
        <div id=done ondragover="event.preventDefault()" ondrop="out.textContent = 'dropped ' + event.dataTransfer.getData('text')">Done</div>
        <input type=file id=file onchange="this.files[0].text().then((text) => out.textContent = this.files[0].name + ': ' + text)"><p id=out></p>`,
    },
    async (wire) => {
      const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
      const scripts = [...readme.matchAll(/```js\n\/\/ evaluate, with "arg": (.*)\n([^`]*)```/g)]
      const shown = ['dropped card', 'notes.txt: Hello']
      assert.equal(scripts.length, shown.length)
      for (const [i, [, arg = '', script = '']] of scripts.entries()) {
        assert.equal((await wire.call('evaluate', { script, arg: JSON.parse(arg) })).isError, false)
        assert.equal((await wire.call('wait_for_selector', { text: shown[i] })).isError, false)
      }
    },
  )

  test.unless(browser.skip)(
    `${browser.name}: a storage state signs in, for one principal or for all`,
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'octet-state-'))
      const listener = pages({
        '/': (req, res) =>
          res
            .writeHead(200, { 'content-type': 'text/html' })
            .end(
              `<p>${req.headers.cookie ?? 'nobody'}</p><p id=l></p><script>l.textContent = localStorage.who ?? 'empty'</script>`,
            ),
      })
      try {
        await withSite(listener, async (site) => {
          const { hostname } = new URL(site.url)
          const write = (who: string): string => {
            const file = join(folder, `${who}.json`)
            const cookie = {
              name: 'id',
              value: who,
              domain: hostname,
              path: '/',
              expires: -1,
              httpOnly: true,
              secure: false,
              sameSite: 'Lax',
            }
            const origins = [{ origin: site.url, localStorage: [{ name: 'who', value: who }] }]
            writeFileSync(file, JSON.stringify({ cookies: [cookie], origins }))
            return file
          }
          const config = {
            PLAYWRIGHT_EXECUTABLE_PATH: await browser.path(),
            PLAYWRIGHT_ALLOW_PRIVATE: [site.opening],
            PLAYWRIGHT_STORAGE_STATE_FILE: [write('everyone'), `two=${write('second')}`],
          }
          await withWire({ config }, async (wire) => {
            assert.match((await wire.call('navigate', { url: site.url })).data, /id=everyone\s+everyone/)
            assert.match((await wire.call('navigate', { url: site.url }, { token: 'token-two' })).data, /id=second\s+second/)
          })
        })
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
    { timeoutMs },
  )

  test(`${browser.name}: a storage state that cannot be read is told to the operator`, () => {
    assert.throws(
      () => storageStates(['/nonexistent/state.json']),
      /PLAYWRIGHT_STORAGE_STATE_FILE: \/nonexistent\/state\.json is not a storage state.*codegen/,
    )
    assert.deepEqual(storageStates([]).size, 0)
  })
}
