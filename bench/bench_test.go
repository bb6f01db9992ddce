package main

import "testing"

// TestScenarios runs every scenario in its smallest form against the floor and
// against smtptest.
func TestScenarios(t *testing.T) {
	for _, sc := range scenarios {
		for _, target := range targets[:2] {
			t.Run(sc.name+" "+target.name, func(t *testing.T) {
				if f := sc.run(target, max(20, sc.quick/1000)); len(f) == 0 {
					t.Error("no figures")
				}
			})
		}
	}
}
