//go:build tools

// Package tools names Prometheus, so that its dependencies are pinned.
package tools

import (
	_ "github.com/prometheus/prometheus/cmd/prometheus"
)
