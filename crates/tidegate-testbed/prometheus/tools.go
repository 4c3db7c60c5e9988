//go:build tools

// Package tools names Prometheus' program, so that its dependencies are pinned.
package tools

import _ "github.com/prometheus/prometheus/cmd/prometheus"
