// Times CEL expressions in the API server's own environment: reads {"object": ..., "expressions": {name: text}} from
// standard input and prints {name: median nanoseconds} with cost tracking on, as the API server has it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"time"

	"github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/library"
)

const (
	rounds = 15
	calls  = 2000
)

type input struct {
	Object      any               `json:"object"`
	Expressions map[string]string `json:"expressions"`
}

func main() {
	var given input
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		fail(err)
	}
	base, err := environment.MustBaseEnvSet(version.MajorMinor(1, 36)).Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions:        []cel.EnvOption{cel.Variable("object", cel.DynType)},
	})
	if err != nil {
		fail(err)
	}
	env := base.StoredExpressionsEnv()
	medians := map[string]float64{}
	for name, text := range given.Expressions {
		medians[name] = measure(env, text, map[string]any{"object": given.Object})
	}
	if err := json.NewEncoder(os.Stdout).Encode(medians); err != nil {
		fail(err)
	}
}

func measure(env *cel.Env, text string, variables map[string]any) float64 {
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		fail(issues.Err())
	}
	program, err := env.Program(checked, cel.CostTracking(&library.CostEstimator{}))
	if err != nil {
		fail(err)
	}
	samples := make([]float64, 0, rounds)
	for round := 0; round < rounds; round++ {
		start := time.Now()
		for call := 0; call < calls; call++ {
			if _, _, err := program.Eval(variables); err != nil {
				fail(err)
			}
		}
		samples = append(samples, float64(time.Since(start).Nanoseconds())/calls)
	}
	sort.Float64s(samples)
	return samples[rounds/2]
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
