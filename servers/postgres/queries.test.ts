import { embedded } from '../runtime/sql/testing/running.ts'
import { openShop } from '../runtime/sql/testing/shop.ts'
import { testQueries } from './queries.ts'

testQueries(await openShop(embedded))
