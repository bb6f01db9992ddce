// Command bench measures smtptest side by side with other servers and with a
// floor: a responder that only finds line ends and the end of data and keeps
// the octets, which is what loopback and Go allow at all.
//
//	go run -C bench . -quick
//
// Each server runs each scenario in a process of its own, in rounds, one after
// the other; a figure is the median of its rounds, and the ratio that of the
// ratios to the floor of the same round. So they hold when the machine is
// noisy, or its speed drifts.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	quick := flag.Bool("quick", false, "a few rounds of small sizes: less than a minute")
	rounds := flag.Int("rounds", 15, "rounds of each scenario")
	servers := flag.String("servers", ".", "`regexp` of the servers to measure; the floor always is")
	only := flag.String("run", ".", "`regexp` of the scenarios to run")
	out := flag.String("json", "", "`file` for all figures of all rounds")
	child := flag.String("child", "", "measure one `server/scenario` in this process and print its figures")
	flag.Parse()
	if *child != "" {
		measureHere(*child, *quick)
		return
	}
	if *quick {
		*rounds = min(*rounds, 3)
	}
	all := collect(*rounds, *quick, regexp.MustCompile(*servers), regexp.MustCompile(*only))
	if *out != "" {
		b, err := json.MarshalIndent(all, "", "\t")
		if err == nil {
			err = os.WriteFile(*out, append(b, '\n'), 0o644)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	writeTable(os.Stdout, all)
}

// figures are what one run of a scenario has measured, by their names.
type figures map[string]float64

// sample is one run.
type sample struct {
	Scenario, Server string
	Round            int
	Figures          figures
	Error            string `json:",omitempty"`
}

// collect runs everything in interleaved rounds.
func collect(rounds int, quick bool, servers, only *regexp.Regexp) []sample {
	var all []sample
	for _, sc := range scenarios {
		if !only.MatchString(sc.name) {
			continue
		}
		failed := map[string]bool{}
		for round := range rounds {
			for _, t := range targets {
				if t.name != "floor" && (!servers.MatchString(t.name) || !sc.suits(t) || failed[t.name]) {
					continue
				}
				s := sample{Scenario: sc.name, Server: t.name, Round: round}
				if err := inProcess(&s, quick); err != nil {
					s.Error, failed[t.name] = err.Error(), true
				}
				all = append(all, s)
			}
		}
		fmt.Fprintf(os.Stderr, "%s done\n", sc.name)
	}
	return all
}

// inProcess measures in a fresh process, so that no server is charged with the
// heap of another.
func inProcess(s *sample, quick bool) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-child", s.Server+"/"+s.Scenario, fmt.Sprintf("-quick=%t", quick))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%w: %.300s", err, stderr.String())
	}
	return json.Unmarshal(out, &s.Figures)
}

func measureHere(name string, quick bool) {
	server, scenario, _ := strings.Cut(name, "/")
	for _, sc := range scenarios {
		for _, t := range targets {
			if sc.name != scenario || t.name != server {
				continue
			}
			size := sc.size
			if quick {
				size = sc.quick
			}
			f := sc.run(t, size)
			if err := json.NewEncoder(os.Stdout).Encode(f); err != nil {
				log.Fatal(err)
			}
			return
		}
	}
	log.Fatalf("no scenario %s of server %s", scenario, server)
}
