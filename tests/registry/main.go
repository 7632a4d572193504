// The CNCF's registry, of its parts those that tests of pulls need: folders to keep images in, passwords from a file.
// With the stores of three clouds, which its own program has, it would take twice as long to build.
package main

import (
	"os"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
)

func main() {
	if registry.RootCmd.Execute() != nil {
		os.Exit(1)
	}
}
