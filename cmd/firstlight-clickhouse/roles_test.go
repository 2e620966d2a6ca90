package main_test

// What a reader with one of Firstlight's roles can read. The embedded engine keeps no roles in SQL, but takes them
// from its users file, with the same GRANT statements.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/schemas"
	"firstlight/sinks/clickhouse/engine"

	sink "firstlight/sinks/clickhouse"
)

// usersOf is a users file in which the user of every connection, default, has these rights. owner owns the views.
const usersOf = `<clickhouse>
	<profiles><default/></profiles>
	<quotas><default/></quotas>
	<users>
		<default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>%s</default>
		<owner><no_password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></owner>
	</users>
	<roles>%s</roles>
</clickhouse>
`

func TestRoles(t *testing.T) {
	const database = "firstlight"
	const accessDenied = 497
	ctx := context.Background()
	dir := t.TempDir()
	reader := filepath.Join(t.TempDir(), "reader")
	if output, err := osexec.Command("go", "build", "-o", reader, "./testdata/reader").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	roles, err := schemas.Roles(database)
	if err != nil {
		t.Fatal(err)
	}
	views, err := schemas.Views(database)
	if err != nil {
		t.Fatal(err)
	}

	t.Run("owner", func(t *testing.T) {
		conn := serve(t, reader, dir, fmt.Sprintf(usersOf, "<access_management>1</access_management>", ""))
		if err := sink.Migrate(ctx, conn, database); err != nil {
			t.Fatal(err)
		}
		for _, view := range views {
			exec(t, conn, strings.Replace(view.SQL, "DEFINER = CURRENT_USER", "DEFINER = owner", 1))
		}
	})
	for _, role := range roles {
		t.Run(role.Name, func(t *testing.T) {
			grant, _, _ := strings.Cut(role.Grant(database), " TO ")
			conn := serve(t, reader, dir, fmt.Sprintf(usersOf, "<grants><query>GRANT "+role.Name+"</query></grants>",
				"<"+role.Name+"><grants><query>"+grant+"</query></grants></"+role.Name+">"))
			for _, view := range views {
				err := conn.Exec(ctx, "SELECT * FROM "+database+"."+view.Name)
				if open := slices.Contains(role.Views, view.Name); open != (err == nil) {
					t.Errorf("%s: %v", view.Name, err)
				}
			}
			for _, sql := range []string{
				"SELECT user_id FROM firstlight.users", "SELECT * FROM firstlight.cells", "SELECT * FROM firstlight.annotation_log",
				"INSERT INTO firstlight.annotation_log (title) VALUES ('x')", "DROP VIEW firstlight.metric_status",
			} {
				var exception *clickhouse.Exception
				if err := conn.Exec(ctx, sql); !errors.As(err, &exception) || exception.Code != accessDenied {
					t.Errorf("%s: %v, want a refusal (%d)", sql, err, accessDenied)
				}
			}
		})
	}
}

// serve runs the engine on a data directory with the users given, until the test ends.
func serve(t *testing.T, reader, dir, users string) driver.Conn {
	t.Helper()
	library, err := engine.FindLibrary(os.Getenv("FIRSTLIGHT_LIBCHDB"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "users.xml")
	if err := os.WriteFile(file, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	command := osexec.Command(reader, library, dir, file)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("the engine: %v", err)
		}
	})
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		t.Fatal("the engine did not start")
	}
	return connect(t, "http://"+lines.Text(), func(*clickhouse.Options) {})
}
