package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// writeTable prints for each scenario and figure the median of every server,
// and in brackets the median of its ratios to the floor of the same round.
func writeTable(w io.Writer, all []sample) {
	names := serverNames(all)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, sc := range scenarios {
		mine := slices.DeleteFunc(slices.Clone(all), func(s sample) bool { return s.Scenario != sc.name })
		if len(mine) == 0 {
			continue
		}
		fmt.Fprintf(tw, "\n%s: %s\n", sc.name, sc.what)
		fmt.Fprint(tw, "\t")
		for _, name := range names {
			fmt.Fprintf(tw, "%s\t", name)
		}
		fmt.Fprintln(tw)
		for _, figure := range figureNames(mine) {
			fmt.Fprintf(tw, "%s\t", figure)
			for _, name := range names {
				fmt.Fprintf(tw, "%s\t", cell(mine, name, figure))
			}
			fmt.Fprintln(tw)
		}
		for _, s := range mine {
			if s.Error != "" {
				fmt.Fprintf(tw, "%s: %s\n", s.Server, s.Error)
			}
		}
	}
	tw.Flush()
}

func serverNames(all []sample) []string {
	var names []string
	for _, t := range targets {
		if slices.ContainsFunc(all, func(s sample) bool { return s.Server == t.name }) {
			names = append(names, t.name)
		}
	}
	return names
}

func figureNames(all []sample) []string {
	seen := map[string]bool{}
	for _, s := range all {
		for name := range s.Figures {
			seen[name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

func cell(mine []sample, server, figure string) string {
	floor := map[int]float64{}
	for _, s := range mine {
		if v, ok := s.Figures[figure]; ok && s.Server == "floor" {
			floor[s.Round] = v
		}
	}
	var values, ratios []float64
	for _, s := range mine {
		v, ok := s.Figures[figure]
		if !ok || s.Server != server {
			continue
		}
		values = append(values, v)
		if f := floor[s.Round]; f > 0 {
			ratios = append(ratios, v/f)
		}
	}
	if len(values) == 0 {
		return "-"
	}
	text := short(median(values))
	if len(ratios) > 0 && server != "floor" {
		text += fmt.Sprintf(" (%.2f)", median(ratios))
	}
	return text
}

func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func short(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
