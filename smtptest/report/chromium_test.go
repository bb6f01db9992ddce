package report_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"image"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"testing"
)

// A chromium is a headless Chromium, to which the tests speak the DevTools
// protocol over a pipe. It shows the pages of many tests, because its start takes
// longer than they do.
type chromium struct {
	cmd      *exec.Cmd
	profile  string // a directory
	commands *os.File
	messages *bufio.Reader
	stderr   bytes.Buffer
	calls    int
	events   map[event]bool // those that came and that no test has waited for yet
}

// An event is one that Chromium reports about a page.
type event struct{ page, name string }

// running is the Chromium that the tests share; nil until one of them needs it.
var running *chromium

// TestMain runs the tests and ends the Chromium that they started.
func TestMain(m *testing.M) {
	m.Run()
	if running != nil {
		running.end()
	}
}

func (b *chromium) end() {
	b.commands.Close() // Chromium ends with its pipe
	b.cmd.Wait()
	os.RemoveAll(b.profile)
	running = nil
}

// fail ends a Chromium that cannot be used any more, and the test.
func (b *chromium) fail(t *testing.T, err error) {
	t.Helper()
	b.end()
	t.Fatalf("Chromium: %v\n%s", err, b.stderr.String())
}

// browser returns the running Chromium; it starts one if there is none.
func browser(t *testing.T) *chromium {
	t.Helper()
	if running != nil {
		return running
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("SMTPTEST_REQUIRE_TOOLS") != "" {
			t.Fatalf("%v: interop/setup.sh installs it", err)
		}
		t.Skipf("%v: interop/setup.sh installs it", err)
	}
	b := &chromium{events: map[event]bool{}}
	if err := b.start(path); err != nil {
		t.Fatal(err)
	}
	running = b
	return b
}

// start runs Chromium, which draws frames in the process of their page: so a
// screenshot and the virtual time of the page include them.
func (b *chromium) start(path string) (err error) {
	if b.profile, err = os.MkdirTemp("", "chromium"); err != nil {
		return err
	}
	input, commands, err := os.Pipe()
	if err != nil {
		return err
	}
	defer input.Close()
	messages, output, err := os.Pipe()
	if err != nil {
		return err
	}
	defer output.Close()
	b.commands, b.messages = commands, bufio.NewReader(messages)
	b.cmd = exec.Command(path,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--hide-scrollbars", "--user-data-dir="+b.profile, "--remote-debugging-pipe",
		"--disable-features=IsolateSandboxedIframes")
	b.cmd.Stderr = &b.stderr
	b.cmd.ExtraFiles = []*os.File{input, output} // descriptors 3 and 4, as Chromium expects
	return b.cmd.Start()
}

// show returns the page at the address once it has loaded and five seconds of
// its virtual time have passed.
func (b *chromium) show(t *testing.T, address string, width, height int) (page string) {
	t.Helper()
	var context struct {
		BrowserContextID string `json:"browserContextId"`
	}
	b.call(t, "", "Target.createBrowserContext", nil, &context)
	t.Cleanup(func() {
		if running == b {
			b.call(t, "", "Target.disposeBrowserContext", context, nil) // it closes the page
		}
	})
	var target struct{ TargetID string }
	b.call(t, "", "Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": context.BrowserContextID}, &target)
	var session struct{ SessionID string }
	b.call(t, "", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	page = session.SessionID
	b.call(t, page, "Page.enable", nil, nil)
	b.call(t, page, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
	b.call(t, page, "Page.navigate", map[string]any{"url": address}, nil)
	b.wait(t, event{page, "Page.loadEventFired"})
	b.call(t, page, "Emulation.setVirtualTimePolicy", map[string]any{"policy": "pauseIfNetworkFetchesPending", "budget": 5000}, nil)
	b.wait(t, event{page, "Emulation.virtualTimeBudgetExpired"})
	return page
}

// dom returns the document of a page as HTML.
func (b *chromium) dom(t *testing.T, page string) (html string) {
	t.Helper()
	b.evaluate(t, page, "document.documentElement.outerHTML", &html)
	return html
}

// evaluate sets result to the value of an expression in the script of a page.
func (b *chromium) evaluate(t *testing.T, page, expression string, result any) {
	t.Helper()
	var reply struct {
		Result struct{ Value json.RawMessage }
	}
	b.call(t, page, "Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &reply)
	if err := json.Unmarshal(reply.Result.Value, result); err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
}

// clip is a part of a page.
type clip struct {
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	Scale  float64 `json:"scale"`
}

// screenshot returns what the window shows of the first such element of the page,
// or all that it shows if element is "".
func (b *chromium) screenshot(t *testing.T, page, element string) *image.RGBA {
	t.Helper()
	params := map[string]any{}
	if element != "" {
		part := clip{Scale: 1}
		b.evaluate(t, page, "document.querySelector('"+element+"').getBoundingClientRect().toJSON()", &part)
		params["clip"] = part
	}
	var shot struct{ Data []byte }
	b.call(t, page, "Page.captureScreenshot", params, &shot)
	img, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		t.Fatal(err)
	}
	rgba := image.NewRGBA(img.Bounds())
	draw.Draw(rgba, rgba.Rect, img, image.Point{}, draw.Src)
	return rgba
}

// call has Chromium execute a method, for a page or, if page is "", for itself.
func (b *chromium) call(t *testing.T, page, method string, params, result any) {
	t.Helper()
	b.calls++
	command := map[string]any{"id": b.calls, "method": method}
	if page != "" {
		command["sessionId"] = page
	}
	if params != nil {
		command["params"] = params
	}
	text, err := json.Marshal(command)
	if err == nil {
		_, err = b.commands.Write(append(text, 0))
	}
	if err != nil {
		b.fail(t, err)
	}
	for {
		m := b.read(t)
		if m.ID != b.calls {
			continue
		}
		if m.Error.Message != "" {
			t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				t.Fatalf("%s: %v", method, err)
			}
		}
		return
	}
}

// wait returns when the event has come.
func (b *chromium) wait(t *testing.T, e event) {
	t.Helper()
	for !b.events[e] {
		b.read(t)
	}
	delete(b.events, e)
}

// message is a reply to a call, or an event.
type message struct {
	ID                int
	Method, SessionID string
	Result            json.RawMessage
	Error             struct{ Message string }
}

// read returns the next message, and notes an event.
func (b *chromium) read(t *testing.T) (m message) {
	t.Helper()
	text, err := b.messages.ReadBytes(0)
	if err == nil {
		err = json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m)
	}
	if err != nil {
		b.fail(t, err)
	}
	if m.Method != "" {
		b.events[event{m.SessionID, m.Method}] = true
	}
	return m
}
