package explore

import (
	"context"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// hostname is what the server calls itself. It is not localhost: to that name some
// clients send a password without TLS.
const hostname = "mx.explore.test"

// maxEvents is how many events a client may cause in one trial. A server that has had
// more holds the client back, so that time passes.
const maxEvents = 2000

// A play runs the client once.
type play struct {
	cfg      *Config
	client   client
	sc       *scenario
	base     *baseline // nil if it is still to be learned
	deadline time.Duration
	grace    time.Duration // for a client whose connections were closed
	pause    time.Duration // between two deliveries; shorter than the server waits for a command

	tr  *trial
	srv *smtptest.Server
	tb  collector

	events     atomic.Int64
	flooded    chan struct{} // closed when there were too many events
	released   chan struct{} // closed when the server is closed
	restart    func()        // ends an outage, once
	closeAlarm *time.Timer
}

// newPlay returns a play of the scenario.
func (e *explorer) newPlay(sc *scenario, deadline time.Duration) *play {
	p := &play{cfg: &e.cfg, client: e.client, base: e.base, sc: sc, deadline: deadline, grace: time.Hour, pause: time.Minute, tr: &trial{}}
	if e.cfg.TCP {
		p.grace, p.pause = 100*time.Millisecond, 20*time.Millisecond
	}
	return p
}

// run plays the client, up to the end of its deliveries. In a bubble it is called
// there. The Cleanup that calls finish is registered before the client is made, so it
// runs after the client was closed.
func (p *play) run(t *testing.T, finish func()) {
	p.flooded, p.released = make(chan struct{}), make(chan struct{})
	p.makeServer()
	t.Cleanup(finish)
	if p.tr.skipped != "" {
		return
	}
	deliver := p.makeClient(t)
	t.Cleanup(p.beginClosing)
	for i := range p.sc.deliveries() {
		if i == p.sc.during()+1 {
			p.endFault()
		}
		if p.sc.isLastPossible(i) || !p.deliver(t, deliver, i) {
			return
		}
	}
}

// makeServer makes and starts the server, and begins the fault.
func (p *play) makeServer() {
	srv := smtptest.NewUnstartedServer(&p.tb)
	p.srv = srv
	p.tr.srv.Store(srv)
	srv.Hostname, srv.WaitTimeout, srv.Observe = hostname, 8*p.deadline, p.observe
	p.sc.before(srv)
	if p.cfg.Server != nil {
		p.cfg.Server(srv)
	}
	if srv.Addr == "" {
		p.chainObserve()
		p.sc.setup(srv)
		if p.cfg.TCP {
			srv.Start()
		} else {
			srv.StartInMemory()
		}
	}
	if failures := p.tb.reported(); failures != nil || srv.Addr == "" {
		p.tr.problems = failures
		p.tr.skipped = "the server did not start: " + strings.Join(failures, "; ")
		return
	}
	if idle := srv.IdleTimeout; idle > 0 && p.pause > idle/2 {
		p.pause = idle / 2
	}
	p.tr.skipped = p.sc.begin(srv)
	p.restart = p.sc.beginOutage(srv)
}

// chainObserve keeps an Observe that Config.Server has set.
func (p *play) chainObserve() {
	author := p.srv.Observe
	if author == nil || reflect.ValueOf(author).Pointer() != reflect.ValueOf(p.observe).Pointer() {
		p.srv.Observe = func(e smtptest.Event) {
			if author != nil {
				author(e)
			}
			p.observe(e)
		}
	}
}

// observe counts the events. When there are too many it does not return before the
// server is closed.
func (p *play) observe(smtptest.Event) {
	n := p.events.Add(1)
	if n == maxEvents {
		close(p.flooded)
	}
	if n >= maxEvents {
		<-p.released
	}
}

// makeClient calls the author's function. If that panics, there is nothing to play.
func (p *play) makeClient(t *testing.T) (deliver func(context.Context) error) {
	defer func() {
		if v := recover(); v != nil {
			deliver = func(context.Context) error { panic(v) }
		}
	}()
	return p.client(t, p.srv)
}

// deliver calls the author's function once, and waits until its effects are there. It
// returns false if the trial ends here.
func (p *play) deliver(t *testing.T, deliver func(context.Context) error, i int) bool {
	p.tr.deliveries = append(p.tr.deliveries, delivery{start: time.Now()})
	d := &p.tr.deliveries[len(p.tr.deliveries)-1]
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), p.deadline)
	defer func() {
		if !p.tr.flooded() {
			cancel()
		}
	}()
	done := make(chan outcome, 1)
	go call(ctx, deliver, done)
	limit := time.NewTimer(p.deadline + p.deadline/10)
	defer limit.Stop()
	select {
	case d.outcome = <-done:
		d.end, d.count = time.Now(), p.srv.Count()
		d.met = slices.ContainsFunc(p.srv.Fired(), func(n int) bool { return n > 0 })
	case <-p.flooded:
		// The server holds the client back from now on. The context stays as it is: a
		// client that dials with a canceled one may try forever, without a pause.
		p.tr.floodTime.Store(int64(max(1, time.Since(d.start))))
		p.tr.stays = true
		return false
	case <-limit.C:
		p.tr.late.Store(true)
		p.tr.held = p.sc.holds(p.srv)
		p.abort(cancel, done)
		return false
	}
	if d.panicked != "" || d.exited {
		return false
	}
	p.settle(i)
	time.Sleep(p.pause / 60) // so that the next delivery begins later than all that belongs to this one
	return true
}

// call calls the author's function, and sends how it ended.
func call(ctx context.Context, deliver func(context.Context) error, done chan<- outcome) {
	o := outcome{exited: true}
	defer func() {
		if v := recover(); v != nil {
			o = outcome{panicked: fmt.Sprintf("%v\n%s", v, debug.Stack())}
		}
		done <- o
	}()
	o = outcome{err: deliver(ctx)}
}

// abort ends a delivery that does not return: it cancels the context and closes the
// connections.
func (p *play) abort(cancel func(), done <-chan outcome) {
	cancel()
	p.endFault()
	p.srv.CloseClientConnections()
	timer := time.NewTimer(p.grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		p.tr.stays = true
	}
}

// settle waits until a delivery has had its effects. A client that has reported
// success may deliver later, as a queue does.
func (p *play) settle(i int) {
	d := &p.tr.deliveries[i]
	queued := p.base != nil && d.err == nil && (p.base.queues || p.sc.returnedBefore(i, d))
	pause := p.pause
	if queued {
		pause *= 30
	}
	for messages, events := -1, int64(-1); ; {
		time.Sleep(pause)
		if !p.cfg.TCP {
			synctest.Wait()
		}
		p.tr.messages = p.srv.Messages()
		arrived, n := p.tr.messagesIn(i), p.events.Load()
		switch {
		case d.err != nil || time.Since(d.end) >= p.deadline:
			return
		case p.base == nil && len(arrived) > 0 && len(arrived) == messages:
			return
		case p.base != nil && p.base.isComplete(i, arrived) && (!queued || n == events):
			return
		}
		if messages, events = len(arrived), n; p.base != nil && !queued {
			pause = min(2*pause, p.deadline)
		}
	}
}

// endFault ends the fault, before the delivery that follows it.
func (p *play) endFault() {
	p.tr.fired = p.srv.Fired()
	p.srv.Script()
	p.restart()
}

// beginClosing is called before the client's own Cleanups.
func (p *play) beginClosing() {
	select {
	case <-p.released:
		return // over TCP, a play that is repeated is over before its client is closed
	default:
	}
	p.tr.closedAt = time.Now()
	p.closeAlarm = time.AfterFunc(p.deadline, func() {
		p.tr.closeHung.Store(true)
		p.srv.CloseClientConnections()
	})
}

// finish is called after the client's own Cleanups. It notes what is left, and closes
// the server.
func (p *play) finish() {
	if p.closeAlarm != nil {
		p.closeAlarm.Stop()
	}
	if p.tr.skipped == "" {
		time.Sleep(p.pause)
		if !p.cfg.TCP {
			synctest.Wait()
		}
	}
	p.note()
	for range maxLooks { // over TCP the server may need some time to see that a client has left
		if p.tr.open = openSessions(p.tr.sessions); p.tr.open == nil || !p.cfg.TCP {
			break
		}
		time.Sleep(p.pause)
		p.note()
	}
	if p.tr.stays && !p.cfg.TCP {
		return // a client that never returns may try forever to reach a closed server, without a pause
	}
	p.shut()
	if !p.cfg.TCP {
		time.Sleep(time.Hour) // for goroutines that end by themselves
	}
}

// maxLooks is how often the explorer looks whether the connections have ended.
const maxLooks = 50

// openSessions returns the sessions that have not ended.
func openSessions(sessions []smtptest.Session) (open []int) {
	for _, s := range sessions {
		if s.End == "" {
			open = append(open, s.ID)
		}
	}
	return open
}

// note notes what the server has recorded.
func (p *play) note() {
	p.tr.sessions, p.tr.messages = p.srv.Sessions(), p.srv.Messages()
	if p.tr.fired == nil {
		p.tr.fired = p.srv.Fired()
	}
}

// shut closes the server.
func (p *play) shut() {
	close(p.released)
	p.srv.Close()
	p.tb.end()
	p.tr.problems = p.tb.reported()
}
