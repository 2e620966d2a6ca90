package worker

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"firstlight/pipeline/facts"
)

// loadUsers loads the users of partitions. While one goroutine reads them, as many as there are processors fold them into the cells of
// their partitions, each those of its own.
func (w *Worker) loadUsers(ctx context.Context, ids []uint16, recovering []*partition) error {
	group, ctx := errgroup.WithContext(ctx)
	folders := make([]*folder, min(runtime.GOMAXPROCS(0), len(recovering)))
	for i := range folders {
		f := &folder{batches: make(chan *userBatch, batchesWaiting)}
		folders[i] = f
		group.Go(func() error { return f.run(ctx) })
	}
	batches := make(map[uint16]*userBatch, len(recovering))
	for i, p := range recovering {
		batches[p.id] = &userBatch{partition: p, folder: folders[i%len(folders)]}
	}
	group.Go(func() error {
		defer func() {
			for _, f := range folders {
				close(f.batches)
			}
		}()
		err := w.numbers.LoadUsers(ctx, ids, func(id uint16, user, facts []byte, version uint64) error {
			b := batches[id]
			if b.add(user, facts, version); len(b.texts) < batchBytes {
				return nil
			}
			batches[id] = b.next()
			return b.folder.take(ctx, b)
		})
		for _, b := range batches {
			if err == nil && len(b.users) > 0 {
				err = b.folder.take(ctx, b)
			}
		}
		return err
	})
	return group.Wait()
}

const (
	batchBytes     = 32 << 10
	batchesWaiting = 16
)

// userBatch is users of one partition that were read together.
type userBatch struct {
	partition *partition
	folder    *folder
	texts     []byte // ids and facts, one behind the other
	users     []loadedUser
}

// loadedUser says where the id and the facts of a user end in the texts of its batch.
type loadedUser struct {
	id, facts int
	version   uint64
}

func (b *userBatch) add(id, facts []byte, version uint64) {
	b.texts = append(b.texts, id...)
	u := loadedUser{id: len(b.texts), version: version}
	b.texts = append(b.texts, facts...)
	u.facts = len(b.texts)
	b.users = append(b.users, u)
}

// next is an empty batch for the same partition.
func (b *userBatch) next() *userBatch {
	n, _ := b.folder.spent.Get().(*userBatch)
	if n == nil {
		n = &userBatch{}
	}
	n.partition, n.folder, n.texts, n.users = b.partition, b.folder, n.texts[:0], n.users[:0]
	return n
}

// folder folds users into the partitions that are its own.
type folder struct {
	batches chan *userBatch
	spent   sync.Pool // of *userBatch
}

func (f *folder) take(ctx context.Context, b *userBatch) error {
	select {
	case f.batches <- b:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *folder) run(ctx context.Context) error {
	for b := range f.batches {
		from := 0
		for _, u := range b.users {
			if err := b.partition.load(b.texts[from:u.id], b.texts[u.id:u.facts], u.version); err != nil {
				return fmt.Errorf("load users of partition %d: %w", b.partition.id, err)
			}
			from = u.facts
		}
		f.spent.Put(b)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// load adds a stored user: its facts, and its contributions to the cells, unless these are read as they are stored.
func (p *partition) load(id, stored []byte, version uint64) error {
	if p.restored && version > p.applied {
		return errAhead
	}
	if since := p.forgotten.of(view(id)); since > version {
		p.blankUser(p.addUser(view(id), p.blank), since) // the worker ended before it could store that
		return nil
	}
	if p.uniting != nil && p.isHalf(id, version) {
		return nil
	}
	if p.restored && version < p.away.loadedFrom && !checked && facts.Told(stored) {
		p.away.note(view(id), version)
		return nil
	}
	if err := p.open(id, stored, version); err != nil {
		return err
	}
	if p.scratch.LastSeen == 0 && version <= p.away.stored {
		return nil // nothing is known of a user who was forgotten, and the row that says so may be deleted
	}
	if !p.restored {
		p.considerAll()
		p.after = p.contributions(p.after[:0])
		p.cells.Load(p.after)
	}
	if version < p.away.loadedFrom {
		p.away.note(view(id), version)
		if checked {
			p.away.shadow.leave(view(id), p.scratch.Append(nil))
		}
		return nil
	}
	p.enter(id)
	p.shedLoading()
	return nil
}

// open opens the facts of a stored user in scratch.
func (p *partition) open(id, stored []byte, version uint64) error {
	if err := p.scratch.Load(stored); err != nil {
		return fmt.Errorf("user %q: %w", id, err)
	}
	p.scratch.Sequence = version // the first version did not store it with the facts
	if p.scratch.NewestOpen() != 0 {
		p.joiner.Collapse(p.scratch, p.watermark(), p.prune)
	}
	return nil
}

// enter adds the user in scratch.
func (p *partition) enter(id []byte) {
	p.buf = p.scratch.Append(p.buf[:0])
	p.await(p.addUser(view(id), p.buf))
}
