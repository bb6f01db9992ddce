// Package page lets package report write the page of package explore, so that explore
// does not import what a page needs.
package page

import "io"

// A Cell is one scenario.
type Cell struct {
	Letter    string // as in the table
	Name      string // "dot/421"
	Violation bool   // it has a violation that is not allowed
	Text      string // what happened, with the dialogue
}

// A Row is a step, with a Cell for each fault. A Cell without a Letter is empty.
type Row struct {
	Step  string
	Cells []Cell
}

// A Table is a part of the page.
type Table struct {
	Faults []string
	Rows   []Row
}

// An Explored is what the page shows.
type Explored struct {
	Test    string
	Legend  string
	Summary string
	Tables  []Table
	Pairs   []Cell // the pairs that have a violation
}

// Write writes the page. It is nil unless package report is imported.
var Write func(w io.Writer, e Explored) error
