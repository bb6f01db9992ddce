package frameworks

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/go-smtptest/smtp/interop/frameworks/signup"
	"github.com/go-smtptest/smtp/smtptest"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"signup": signup.Main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			srv := smtptest.NewServer(env.T().(smtptest.TB)) // one for each script
			env.Values["smtp"] = srv
			env.Setenv("SMTP_ADDR", srv.Addr)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"mails": mails,
			"reply": reply,
		},
	})
}

// mails N waits for N mails and prints all that came; "! mails" wants none.
func mails(ts *testscript.TestScript, neg bool, args []string) {
	srv := ts.Value("smtp").(*smtptest.Server)
	if neg {
		if n := srv.Count(); n > 0 {
			ts.Fatalf("%d mails came\n%s", n, srv.Transcript())
		}
		return
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	all, err := srv.WaitContext(context.Background(), n)
	ts.Check(err)
	for _, m := range all {
		fmt.Fprintf(ts.Stdout(), "from %s to %s: %s\n%s", m.From, m.To, m.Subject(), m.Text())
	}
}

// reply COMMAND REPLY answers the next such command, as in
// reply 'RCPT TO:<bob@example.com>' '450 4.2.1 greylisted'.
func reply(ts *testscript.TestScript, neg bool, args []string) {
	ts.Value("smtp").(*smtptest.Server).Script(
		smtptest.Rule{On: args[0], Times: 1, Reply: smtptest.Reply(args[1])},
	)
}
