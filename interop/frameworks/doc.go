// Package frameworks runs the recipes of docs/frameworks.md.
package frameworks
